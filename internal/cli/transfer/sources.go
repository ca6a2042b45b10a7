package transfer

import (
	"context"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/google/uuid"

	"pyindex/internal/packaging"
	"pyindex/internal/terminal"
	"pyindex/internal/transfer"
	"pyindex/internal/transfer/bandersnatch"
	"pyindex/internal/transfer/devpi"
	"pyindex/internal/transfer/dumbpypi"
	"pyindex/internal/transfer/exported"
	"pyindex/internal/transfer/folder"
	"pyindex/internal/transfer/remote"
	"pyindex/internal/version"
)

// access are the flags with which a source is asked over HTTP.
type access struct {
	Username     string `placeholder:"U" help:"User name at the source, with --password-file."`
	PasswordFile string `placeholder:"FILE" type:"existingfile" help:"File with the password at the source."`
	TokenFile    string `placeholder:"FILE" type:"existingfile" help:"File with a token that the source takes as a bearer token."`
	CAFile       string `name:"ca-file" placeholder:"FILE" type:"existingfile" help:"Certificate authorities that the certificate of the source may be from, in addition to the system's, as PEM."`
}

// options returns the options for a source at a URL.
func (f *access) options(at string) remote.Options {
	return remote.Options{
		URL:          at,
		Username:     f.Username,
		PasswordFile: f.PasswordFile,
		TokenFile:    f.TokenFile,
		CAFile:       f.CAFile,
		Version:      version.Read().Version,
	}
}

// simpleSource is an index that is read by its simple pages.
type simpleSource struct {
	Source    string   `arg:"" name:"url" help:"Address of the index as pip uses it, such as https://HOST/simple/."`
	FilesFrom []string `placeholder:"URL" help:"Take files below this URL too. Without it only files below the index itself are taken. Repeatable."`
	access
}

// open returns the index. Projects that are named are asked for if the index has no list.
func (f *simpleSource) open(_ context.Context, of *selection) (transfer.Source, error) {
	o := remote.SimpleOptions{Options: f.options(f.Source), FilesFrom: f.FilesFrom}
	for _, p := range of.Project {
		if name, err := packaging.ParseProjectName(p); err == nil {
			o.Names = append(o.Names, name)
		}
	}
	s, err := remote.NewSimple(o)
	if err != nil {
		return nil, terminal.Misused(err)
	}
	return s, nil
}

// devpiSource is an export of devpi-server.
type devpiSource struct {
	Source string `arg:"" name:"folder" type:"path" help:"Folder that devpi-export wrote."`
	Index  string `placeholder:"USER/INDEX" help:"Index of the export (default: the only one with files)."`
}

// open returns the index of the export. The repository is for the commands that the notes suggest.
func (f *devpiSource) open(ctx context.Context, of *selection) (transfer.Source, error) {
	return devpi.Open(ctx, f.Source, devpi.Options{Index: f.Index, Repository: of.To})
}

// bandersnatchSource is a mirror that bandersnatch made.
type bandersnatchSource struct {
	Source       string `arg:"" name:"folder" type:"path" help:"Folder of the mirror, which has the folder web."`
	Master       string `placeholder:"URL" help:"Index that is mirrored (default: as in --mirror-config, or as the pages of the mirror say)."`
	MirrorConfig string `placeholder:"FILE" type:"existingfile" help:"Configuration of bandersnatch."`
}

// open returns the mirror.
func (f *bandersnatchSource) open(ctx context.Context, _ *selection) (transfer.Source, error) {
	return bandersnatch.Open(ctx, f.Source, bandersnatch.Options{Master: f.Master, Config: f.MirrorConfig})
}

// dumbPyPISource is a list of dumb-pypi with its files.
type dumbPyPISource struct {
	Source   string `arg:"" name:"list" type:"existingfile" help:"List of packages from which dumb-pypi makes its pages: names or JSON lines."`
	Packages string `placeholder:"FOLDER|URL" help:"Where the files lie: the folder, or the address that dumb-pypi was given as --packages-url (default: the folder of the list)."`
	access
}

// open returns the list.
func (f *dumbPyPISource) open(ctx context.Context, _ *selection) (source transfer.Source, err error) {
	var files dumbpypi.Files
	switch at, invalid := url.Parse(f.Packages); {
	case invalid == nil && (at.Scheme == "http" || at.Scheme == "https"):
		files, err = remote.NewFiles(f.options(f.Packages))
	case f.Packages == "":
		files, err = dumbpypi.Folder(filepath.Dir(f.Source))
	default:
		files, err = dumbpypi.Folder(strings.TrimSuffix(f.Packages, "/"))
	}
	if err != nil {
		return nil, err
	}
	list, err := dumbpypi.Open(ctx, f.Source, files)
	if err != nil {
		_ = files.Close()
		return nil, err
	}
	return list, nil
}

// nexusSource is a hosted repository of Nexus.
type nexusSource struct {
	Source string `arg:"" name:"url" help:"Address of the repository as pip uses it, such as https://HOST/repository/NAME/."`
	access
}

// open returns the repository.
func (f *nexusSource) open(ctx context.Context, _ *selection) (transfer.Source, error) {
	return remote.NewNexus(ctx, f.options(f.Source))
}

// artifactorySource is a local repository of Artifactory.
type artifactorySource struct {
	Source string `arg:"" name:"url" help:"Address of the repository, such as https://HOST/artifactory/NAME/."`
	access
}

// open returns the repository.
func (f *artifactorySource) open(ctx context.Context, _ *selection) (transfer.Source, error) {
	return remote.NewArtifactory(ctx, f.options(f.Source))
}

// folderSource is a folder of distributions.
type folderSource struct {
	Source   string `arg:"" name:"folder" help:"Folder; its subfolders count." type:"path"`
	Htpasswd string `placeholder:"FILE" type:"path" help:"Password file of pypiserver: its user names are listed as a to-do. No password is imported."`
}

// open returns the folder.
func (f *folderSource) open(context.Context, *selection) (transfer.Source, error) {
	return folder.Open(f.Source, f.Htpasswd)
}

// exportSource is an export of another index of this kind.
type exportSource struct {
	Source string `arg:"" name:"folder" type:"path" help:"Folder of an export, or of one of its repositories."`
}

// open returns the export.
func (f *exportSource) open(context.Context, *selection) (transfer.Source, error) {
	return exported.OpenSource(f.Source, uuid.NewString)
}
