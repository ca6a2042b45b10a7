// Package account creates accounts and lets people back into them.
//
// It promises that a link can be used once, whatever runs at the same time; that an invitation gives no more than its
// maker may give when it is accepted; that asking for a new password does not reveal whether an account exists; and
// that every success and refusal is recorded.
//
// It does not check passwords, codes or passkeys: package signin does.
package account
