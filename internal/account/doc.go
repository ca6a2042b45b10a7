// Package account creates accounts and lets users back into them.
//
// It promises that a link can be used once, even by concurrent requests. An invitation gives no more than its creator
// may give when it is accepted. Asking for a new password does not reveal whether an account exists. Every success and
// refusal is recorded in the audit log.
//
// It does not check passwords, codes or passkeys: package signin does.
package account
