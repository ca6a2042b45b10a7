package clienttest

import (
	"os"
	"strings"
	"testing"

	"pyindex/internal/storage/storagetest"
)

// BackendVariable names the environment variable that selects the database and the store of the servers: two words,
// "sqlite" or "postgres" and "folder" or "s3". If it is not set, both are in the data directory.
const BackendVariable = "INDEX_TEST_BACKEND"

// Backend returns the environment settings for a fresh database and store of the kinds that BackendVariable selects.
func Backend(t testing.TB) []string {
	t.Helper()
	rows, bytes, _ := strings.Cut(os.Getenv(BackendVariable), " ")
	var env []string
	switch rows {
	case "", "sqlite":
	case "postgres":
		env = append(env, Postgres(t))
	default:
		t.Fatalf("%s: %q is no database", BackendVariable, rows)
	}
	switch bytes {
	case "", "folder":
	case "s3":
		env = append(env, S3(t)...)
	default:
		t.Fatalf("%s: %q is no store", BackendVariable, bytes)
	}
	return env
}

// Postgres returns the environment setting for a fresh PostgreSQL schema.
func Postgres(t testing.TB) string {
	t.Helper()
	return "INDEX_DATABASE_URL=" + storagetest.Postgres(t)
}

// S3 returns the environment settings for an empty prefix in the test's bucket, with its credentials.
func S3(t testing.TB) []string {
	t.Helper()
	env := []string{"INDEX_STORAGE_URL=" + storagetest.Bucket(t)}
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_EC2_METADATA_DISABLED"} {
		env = append(env, name+"="+os.Getenv(name))
	}
	return env
}
