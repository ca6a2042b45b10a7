// Package transfer has the commands that bring the content of other indexes here, and take this one's away.
package transfer
