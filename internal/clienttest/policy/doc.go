// Package policy tests with the real pip, uv, poetry and pdm what people see when this index holds or denies a file of
// an upstream: the older release is installed, a pin prints the reason, and an exemption helps at once.
package policy
