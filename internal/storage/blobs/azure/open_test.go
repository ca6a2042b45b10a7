package azure

import (
	"net/url"
	"os"
	"strings"
	"testing"
)

const key = "a2V5"

// TestOpen checks which environments and parameters open which container, without a request.
func TestOpen(t *testing.T) {
	account := map[string]string{"AZURE_STORAGE_ACCOUNT": "account", "AZURE_STORAGE_KEY": key}
	shared := map[string]string{"AZURE_STORAGE_ACCOUNT": "account", "AZURE_STORAGE_SAS_TOKEN": "?sv=1&sig=2"}
	connection := "DefaultEndpointsProtocol=https;AccountName=other;AccountKey=" + key + ";EndpointSuffix=example.net"
	for name, row := range map[string]struct {
		env         map[string]string
		query, want string
	}{
		"key":       {account, "", "https://account.blob.core.windows.net/box"},
		"domain":    {account, "domain=blob.example.net", "https://account.blob.example.net/box"},
		"CDN":       {account, "domain=cdn.example.net&cdn=true", "https://cdn.example.net/box"},
		"emulator":  {account, "protocol=http&domain=127.0.0.1:10000", "http://127.0.0.1:10000/account/box"},
		"signature": {shared, "", "https://account.blob.core.windows.net/box?sv=1&sig=2"},
		"connection string": {
			map[string]string{"AZURE_STORAGE_CONNECTION_STRING": connection}, "", "https://other.blob.example.net/box",
		},
		"its other name": {
			map[string]string{"AZURE_STORAGEBLOB_CONNECTIONSTRING": connection}, "", "https://other.blob.example.net/box",
		},
		"identity": {
			map[string]string{"AZURE_CLIENT_ID": "c", "AZURE_TENANT_ID": "t"},
			"storage_account=mine",
			"https://mine.blob.core.windows.net/box",
		},
		"no account":                {nil, "", ""},
		"signature for another":     {shared, "storage_account=evil", ""},
		"signature for a domain":    {shared, "domain=evil.example.net", ""},
		"signature without TLS":     {shared, "protocol=http", ""},
		"a protocol that is none":   {account, "protocol=ftp", ""},
		"an unknown parameter":      {account, "colour=blue", ""},
		"a parameter with no truth": {account, "cdn=perhaps", ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, setting := range os.Environ() {
				if name, _, _ := strings.Cut(setting, "="); strings.HasPrefix(name, "AZURE_") {
					t.Setenv(name, "")
				}
			}
			for name, value := range row.env {
				t.Setenv(name, value)
			}
			q, err := url.ParseQuery(row.query)
			if err != nil {
				t.Fatal(err)
			}
			b, err := Open("box", q)
			if row.want == "" {
				if err == nil {
					t.Errorf("Open(%s) is at %s, want an error", row.query, b.client.URL())
				}
				return
			}
			if err != nil {
				t.Fatalf("Open(%s) = %v", row.query, err)
			}
			if got := b.client.URL(); got != row.want {
				t.Errorf("Open(%s) is at %s, want %s", row.query, got, row.want)
			}
		})
	}
}
