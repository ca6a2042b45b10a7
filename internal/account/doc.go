// Package account is how people come to an account and prove that it is theirs: links that are good once, passwords,
// second factors, recovery codes.
//
// It promises that a link, a code of a second factor and a recovery code count once, whatever runs at the same time; that
// a refusal tells nothing of whether an account exists; that guessing is slowed down by network and account, over all
// processes, in a way that leaves an owner who signed in before alone; and that every success and refusal is recorded.
//
// It makes no sessions: access.Directory does, for whoever asked here first who somebody is.
package account
