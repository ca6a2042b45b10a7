package main

import "net/url"

// hasPassword reports whether a database URL holds a password, in the user part or as a parameter.
func hasPassword(text string) bool {
	u, err := url.Parse(text)
	if err != nil {
		return false
	}
	_, inUser := u.User.Password()
	return inUser || u.Query().Has("password") || u.Query().Has("sslpassword")
}
