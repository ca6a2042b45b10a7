package db

import (
	"bytes"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"
)

// deflaters and inflaters are kept, because a new one costs more than the compression of a document.
var (
	deflaters = sync.Pool{New: func() any {
		w, err := flate.NewWriterDict(io.Discard, flate.DefaultCompression, nil)
		if err != nil {
			panic(err) // the level is valid
		}
		return w
	}}
	inflaters = sync.Pool{New: func() any { return flate.NewReader(nil) }}
)

// common is the dictionary of documents without another one: what most documents of core metadata contain, the most
// common last. It never changes, because stored documents need it.
var common = []byte(`"Homepage, https://","Documentation, https://","Repository, https://","Source, https://github.com/",` +
	`"Bug Tracker, https://github.com/","Changelog, https://github.com/","Issues, https://github.com/",` +
	`"license":"MIT","license":"BSD-3-Clause","license":"Apache License 2.0","License :: OSI Approved :: MIT License",` +
	`"License :: OSI Approved :: Apache Software License","License :: OSI Approved :: BSD License","Typing :: Typed",` +
	`"Environment :: Console","Intended Audience :: Science/Research","Natural Language :: English",` +
	`"Topic :: Software Development :: Libraries :: Python Modules","Operating System :: POSIX :: Linux",` +
	`"Development Status :: 3 - Alpha","Development Status :: 4 - Beta","Development Status :: 5 - Production/Stable",` +
	`"Intended Audience :: Developers","Operating System :: OS Independent","Programming Language :: Python",` +
	`"Programming Language :: Python :: 3","Programming Language :: Python :: 3 :: Only",` +
	`"Programming Language :: Python :: 3.8","Programming Language :: Python :: 3.9",` +
	`"Programming Language :: Python :: 3.10","Programming Language :: Python :: 3.11",` +
	`"Programming Language :: Python :: 3.12","Programming Language :: Python :: 3.13",` +
	`"Programming Language :: Python :: Implementation :: CPython","Topic :: Software Development :: Libraries",` +
	`],"requires_dist":["numpy>=1.0","requests>=2.0","typing-extensions>=4; python_version < \"3.11\"",` +
	`"pytest; extra == \"dev\"","pytest-cov; extra == \"test\"","ruff; extra == \"dev\"","sphinx; extra == \"docs\""],` +
	`"provides_extra":["dev","docs","test"],"dynamic":["license-file"]}# \n\n## Installation\n\n    pip install ` +
	`\n` + "```" + `python\nimport \n` + "```" + `\n\n## Usage\n\n## License\n\n` +
	`","description_content_type":"text/x-rst","author":"","author_email":"","license_expression":"BSD-3-Clause",` +
	`"license_expression":"Apache-2.0","license_expression":"MIT","requires_python":">=3.8","requires_python":">=3.9",` +
	`"requires_python":">=3.10","project_urls":["","license_file":["LICENSE"],"classifiers":["` +
	`{"metadata_version":"2.1","name":"","version":"0.1.0","summary":"` +
	`{"metadata_version":"2.4","name":"","version":"1.0.0","summary":"","description":"","keywords":"",` +
	`"description_content_type":"text/markdown","author_email":"`)

// deflate compresses p with a dictionary, which may be nil. Only the last 32 KiB of a dictionary are used.
func deflate(p, dictionary []byte) []byte {
	w := deflaters.Get().(*flate.Writer)
	defer deflaters.Put(w)
	var out bytes.Buffer
	w.ResetDict(&out, dictionary)
	_, _ = w.Write(p) // a buffer accepts everything
	_ = w.Close()
	return bytes.Clone(out.Bytes())
}

// inflate reverses deflate with the same dictionary.
func inflate(p, dictionary []byte) ([]byte, error) {
	r := inflaters.Get().(io.ReadCloser)
	defer inflaters.Put(r)
	if err := r.(flate.Resetter).Reset(bytes.NewReader(p), dictionary); err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}
