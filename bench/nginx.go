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
	binary, err := exec.LookPath("nginx")
	if err != nil {
		binary = "/usr/sbin/nginx" // not in every PATH
	}
	if _, err := os.Stat(binary); err != nil {
		return nil, nil
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(path, []byte(nginxConfig(dir, port, c)), 0o644); err != nil {
		return nil, err
	}
	return start(ctx, "nginx", dir, port, "/", nil, binary, "-c", path, "-e", filepath.Join(dir, "nginx-error.log"), "-g",
		"daemon off;")
}

// nginxConfig serves each copy under its path. Accept selects between two forms of one path.
func nginxConfig(dir string, port int, c *copies) string {
	var b strings.Builder
	user := ""
	if os.Getuid() == 0 {
		user = "user root;\n" // may read files that only this user can read
	}
	fmt.Fprintf(&b, `%sworker_processes auto;
pid %s/nginx.pid;
events { worker_connections 1024; }
http {
	access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; open_file_cache max=1000;
	client_body_temp_path %s/n1; proxy_temp_path %s/n2; fastcgi_temp_path %s/n3;
	uwsgi_temp_path %s/n4; scgi_temp_path %s/n5;
	map $http_accept $form { default html; ~json$ json; }
	server {
		listen 127.0.0.1:%d;
`, user, dir, dir, dir, dir, dir, dir, port)
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
