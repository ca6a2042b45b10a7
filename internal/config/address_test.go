package config

import (
	"net"
	"net/url"
	"testing"
)

func TestBaseFromListen(t *testing.T) {
	tests := []struct {
		config Config
		port   int
		want   string
	}{
		{Config{Listen: "127.0.0.1:0"}, 99, "http://127.0.0.1:99"},
		{Config{Listen: ":8080"}, 8080, "http://localhost:8080"},
		{Config{Listen: "0.0.0.0:8080", TLSSelfSigned: true}, 8080, "https://localhost:8080"},
		{Config{Listen: "[::1]:8080"}, 8080, "http://[::1]:8080"},
		{Config{Listen: ":443", TLSACME: "pypi.example"}, 443, "https://pypi.example"},
		{
			Config{Listen: ":443", BaseURL: baseURL{&url.URL{Scheme: "https", Host: "a.example", Path: "/x"}}},
			443,
			"https://a.example/x",
		},
	}
	for _, tt := range tests {
		if got := tt.config.Base(&net.TCPAddr{IP: net.IPv4zero, Port: tt.port}).String(); got != tt.want {
			t.Errorf("base(%s) = %s, want %s", tt.config.Listen, got, tt.want)
		}
	}
}
