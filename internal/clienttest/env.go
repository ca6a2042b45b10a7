package clienttest

import "path/filepath"

// bareEnv returns the minimal environment of a program: its own home directory and the system tools.
func bareEnv(home string) []string {
	return []string{
		"HOME=" + home,
		"PATH=/usr/local/bin:/usr/bin:/bin",
		"TMPDIR=" + home,
		"LANG=C.UTF-8",
		"NO_COLOR=1",
		"NO_PROXY=127.0.0.1,localhost",
	}
}

// cleanEnv returns bareEnv plus settings for a Python client. All places for user settings, caches and keys are inside
// home or disabled. Clients neither prompt nor check for new versions of themselves.
func cleanEnv(home, bin string) []string {
	at := func(name, dir string) string { return name + "=" + filepath.Join(home, dir) }
	return append(bareEnv(home),
		"PATH="+bin+":/usr/local/bin:/usr/bin:/bin",
		at("XDG_CONFIG_HOME", "config"), at("XDG_CACHE_HOME", "cache"), at("XDG_DATA_HOME", "data"),
		at("XDG_STATE_HOME", "state"),
		"PYTHONDONTWRITEBYTECODE=1", "PYTHONNOUSERSITE=1", "PYTHONUTF8=1",
		"PYTHON_KEYRING_BACKEND=keyring.backends.null.Keyring",
		"PIP_CONFIG_FILE=/dev/null", "PIP_DISABLE_PIP_VERSION_CHECK=1", "PIP_NO_INPUT=1", at("PIP_CACHE_DIR", "cache/pip"),
		"UV_NO_CONFIG=1", "UV_PYTHON_DOWNLOADS=never", "UV_NO_PROGRESS=1", at("UV_CACHE_DIR", "cache/uv"),
		at("POETRY_CONFIG_DIR", "config/pypoetry"), at("POETRY_CACHE_DIR", "cache/pypoetry"),
		"POETRY_VIRTUALENVS_IN_PROJECT=true",
		at("PDM_CACHE_DIR", "cache/pdm"), at("PDM_CONFIG_FILE", "config/pdm.toml"), "PDM_CHECK_UPDATE=false",
		"PDM_NON_INTERACTIVE=1", "PIPENV_VENV_IN_PROJECT=1", at("PIPENV_CACHE_DIR", "cache/pipenv"), "PIPENV_NOSPIN=1",
		at("HATCH_CACHE_DIR", "cache/hatch"), at("HATCH_DATA_DIR", "data/hatch"),
		"TWINE_NON_INTERACTIVE=1", at("PYPIRC", "no-pypirc"),
		"COLUMNS=200",
	)
}
