package packaging_test

import (
	"testing"

	"pyindex/internal/packaging"
)

func TestWords(t *testing.T) {
	name, err := packaging.ParseProjectName("demo")
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"demo-1.0.tar.gz":                                                  "source",
		"demo-1.0-py3-none-any.whl":                                        "any Python 3, any system",
		"demo-1.0-py2.py3-none-any.whl":                                    "any Python, any system",
		"demo-1.0-py39-none-any.whl":                                       "Python 3.9 and later, any system",
		"demo-1.0-cp312-cp312-win_amd64.whl":                               "CPython 3.12, Windows on x86-64",
		"demo-1.0-cp39-abi3-manylinux_2_28_x86_64.whl":                     "CPython 3.9 and later, Linux on x86-64 with glibc 2.28 or later",
		"demo-1.0-cp313-cp313t-musllinux_1_2_aarch64.whl":                  "CPython 3.13, free-threaded, Linux on ARM64 with musl 1.2 or later",
		"demo-1.0-pp310-pypy310_pp73-macosx_11_0_arm64.whl":                "PyPy 3.10, macOS 11.0 or later on Apple silicon",
		"demo-1.0-cp311-cp311-macosx_10_9_universal2.whl":                  "CPython 3.11, macOS 10.9 or later on Apple silicon and Intel",
		"demo-1.0-cp311-cp311-manylinux2014_x86_64.whl":                    "CPython 3.11, Linux on x86-64 with glibc 2.17 or later",
		"demo-1.0-cp310-cp310-linux_armv7l.whl":                            "CPython 3.10, Linux on 32-bit ARM, as built",
		"demo-1.0-cp36.cp37-abi3-win32.win_amd64.whl":                      "CPython 3.6 and later or CPython 3.7 and later, Windows, 32 bit or Windows on x86-64",
		"demo-1.0-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl": "any Python 3, Linux on x86-64 with glibc 2.17 or later",
		"demo-1.0-zz9-none-plan9.whl":                                      "zz9, plan9",
	} {
		f, err := packaging.ParseFilename(file, name)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Words(); got != want {
			t.Errorf("Words(%s) = %q, want %q", file, got, want)
		}
	}
}
