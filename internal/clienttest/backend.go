package clienttest

import (
	"os"
	"strings"
	"testing"

	"pyindex/internal/storage/storagetest"
)

// BackendVariable names the environment variable that says where the servers of a run keep their rows and bytes: two
// words, "sqlite" or "postgres" and "folder" or "s3". Without it both are in the data directory.
const BackendVariable = "INDEX_TEST_BACKEND"

// Backend returns the settings, as environment, of a fresh database and store of the kinds that BackendVariable says.
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

// Postgres returns the setting of a fresh schema on PostgreSQL.
func Postgres(t testing.TB) string {
	t.Helper()
	return "INDEX_DATABASE_URL=" + storagetest.Postgres(t)
}

// S3 returns the setting of an empty place in the test's bucket, and the credentials for it.
func S3(t testing.TB) []string {
	t.Helper()
	env := []string{"INDEX_STORAGE_URL=" + storagetest.Bucket(t)}
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_EC2_METADATA_DISABLED"} {
		env = append(env, name+"="+os.Getenv(name))
	}
	return env
}
