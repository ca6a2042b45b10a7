package db_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/custody"
	"pyindex/internal/packaging"
	"pyindex/internal/storage/db"
)

// filled is a database with a token and a project of n files.
type filled struct {
	*db.DB
	project catalog.Project
	release catalog.Release
	token   access.Token
}

func fill(b *testing.B, n int) filled {
	b.Helper()
	d, err := db.Open(b.Context(), "sqlite:"+b.TempDir()+"/index.db", db.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { d.Close() })
	f := filled{DB: d, token: access.Token{ID: "t", Kind: access.TokenAPI, Hash: "hash", UserID: "u"}}
	name, _ := packaging.ParseProjectName("p")
	must(b, d.Access().Update(b.Context(), func(tx access.Tx) error { return tx.InsertToken(b.Context(), f.token) }))
	must(b, d.Catalog().Update(b.Context(), func(tx catalog.Tx) error {
		main, err := tx.RepositoryByName(b.Context(), catalog.MainRepository)
		must(b, err)
		f.project = catalog.Project{ID: "p", Repository: main, Name: name, Status: catalog.Active}
		f.release = catalog.Release{ID: "r", ProjectID: "p", Version: "1", Key: "1"}
		must(b, tx.InsertProject(b.Context(), f.project))
		must(b, tx.InsertRelease(b.Context(), f.release))
		for i := range n {
			must(b, tx.InsertFile(b.Context(), f.file(i), packaging.Metadata{Description: "text"}))
		}
		return nil
	}))
	return f
}

func must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (f filled) file(i int) catalog.File {
	name := fmt.Sprintf("p-1.%07d-py3-none-any.whl", i)
	sum := fmt.Sprintf("%064x", i)
	return catalog.File{
		ID: name, RepositoryID: f.project.Repository.ID, ProjectID: "p", ReleaseID: "r", Filename: name, NameKey: name,
		Kind:    packaging.Wheel,
		Version: "1", PythonVersion: "py3", Size: int64(i), MD5: sum[:32], SHA256: sum, Blake2b256: sum, MetadataSHA256: sum,
		RequiresPython: ">=3.9", UploadedAt: time.UnixMicro(int64(i) + 1),
	}
}

// BenchmarkSerial measures the first question of every read.
func BenchmarkSerial(b *testing.B) {
	f := fill(b, 0)
	b.Run("alone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := f.Serial(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("shared", func(b *testing.B) {
		b.SetParallelism(16)
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				if _, err := f.Serial(context.Background()); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

func BenchmarkTokenByHash(b *testing.B) {
	f := fill(b, 0)
	b.ReportAllocs()
	for b.Loop() {
		must(b, f.Access().View(b.Context(), func(tx access.Tx) error {
			_, err := tx.TokenByHash(b.Context(), "hash")
			return err
		}))
	}
}

func BenchmarkFileByName(b *testing.B) {
	f := fill(b, 100)
	name := f.file(7).Filename
	for b.Loop() {
		must(b, f.Catalog().View(b.Context(), func(tx catalog.Tx) error {
			_, err := tx.FileByName(b.Context(), f.project.Repository.ID, name)
			return err
		}))
	}
}

// BenchmarkInsertFile is the transaction of an upload: a serial, a file, a blob's rows and the project.
func BenchmarkInsertFile(b *testing.B) {
	f := fill(b, 0)
	ctx, i := b.Context(), 0
	for b.Loop() {
		i++
		must(b, f.Catalog().Update(ctx, func(tx catalog.Tx) (err error) {
			file := f.file(i)
			if f.project.Serial, err = tx.NextSerial(ctx); err != nil {
				return err
			}
			_, err = tx.HoldBlob(ctx, custody.FileKey(file.SHA256), "00000000000000aa", time.Now())
			must(b, err)
			must(b, tx.InsertFile(ctx, file, packaging.Metadata{Description: "text"}))
			_, err = tx.ReleaseBlob(ctx, custody.FileKey(file.SHA256), true)
			must(b, err)
			return tx.UpdateProject(ctx, f.project)
		}))
	}
}

func BenchmarkFiles10000(b *testing.B) {
	f := fill(b, 10_000)
	b.ReportAllocs()
	for b.Loop() {
		must(b, f.Catalog().View(b.Context(), func(tx catalog.Tx) error {
			files, err := tx.Files(b.Context(), "p")
			if len(files) != 10_000 {
				b.Fatalf("Files() = %d, want 10000", len(files))
			}
			return err
		}))
	}
}
