package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// serveNginx starts nginx on the same content as files. It returns nil if nginx is not installed.
func serveNginx(ctx context.Context, dir string, c *copies) (*process, error) {
	return serveNginxTLS(ctx, dir, c, "", "")
}

// nginxProgram returns the path of nginx, or "" if it is not installed.
func nginxProgram() string {
	if path, err := exec.LookPath("nginx"); err == nil {
		return path
	}
	if path := "/usr/sbin/nginx"; isFile(path) { // not in every PATH
		return path
	}
	return ""
}

// serveNginxTLS is serveNginx over TLS, with HTTP/2, if it gets the files of a certificate and its key.
func serveNginxTLS(ctx context.Context, dir string, c *copies, cert, key string) (*process, error) {
	binary := nginxProgram()
	if binary == "" {
		return nil, nil
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	name, base, listen := "nginx", fmt.Sprintf("http://127.0.0.1:%d", port), fmt.Sprintf("127.0.0.1:%d;", port)
	if cert != "" {
		name, base = "nginx-tls", fmt.Sprintf("https://127.0.0.1:%d", port)
		listen = fmt.Sprintf("127.0.0.1:%d ssl http2; ssl_certificate %s; ssl_certificate_key %s;", port, cert, key)
	}
	path := filepath.Join(dir, name+".conf")
	if err := os.WriteFile(path, []byte(nginxConfig(dir, name, listen, c)), 0o644); err != nil {
		return nil, err
	}
	return startAt(ctx, name, dir, base, "/", nil, binary, "-c", path, "-e", filepath.Join(dir, name+"-error.log"), "-g",
		"daemon off;")
}

// nginxConfig serves each copy under its path. Accept selects between two forms of one path.
func nginxConfig(dir, name, listen string, c *copies) string {
	var b strings.Builder
	user := ""
	if os.Getuid() == 0 {
		user = "user root;\n" // may read files that only this user can read
	}
	fmt.Fprintf(&b, `%sworker_processes auto;
pid %s/%s.pid;
events { worker_connections 1024; }
http {
	access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; open_file_cache max=1000;
	client_body_temp_path %s/n1; proxy_temp_path %s/n2; fastcgi_temp_path %s/n3;
	uwsgi_temp_path %s/n4; scgi_temp_path %s/n5;
	map $http_accept $form { default html; ~json$ json; }
	server {
		listen %s
`, user, dir, name, dir, dir, dir, dir, dir, listen)
	groups := map[string]int{} // a place must not end in a slash, or nginx looks for a folder's index
	for _, k := range c.All {
		if _, ok := groups[k.Path]; !ok {
			groups[k.Path] = len(groups)
		}
		place := fmt.Sprintf("/%s/%d", k.Form, groups[k.Path])
		encoding := ""
		if k.Encoding != "" {
			encoding = fmt.Sprintf(" add_header Content-Encoding %s;", k.Encoding)
		}
		fmt.Fprintf(&b, "\t\tlocation = %q { internal; types { } default_type %q;%s alias %s/%s; }\n", place, k.Type,
			encoding, c.Dir, k.File)
		if k.Form != "json" {
			to := place
			if k.Form == "html" {
				to = fmt.Sprintf("/$form/%d", groups[k.Path])
			}
			fmt.Fprintf(&b, "\t\tlocation = %q { rewrite ^ %s last; }\n", k.Path, to)
		}
	}
	b.WriteString("\t}\n}\n")
	return b.String()
}
