// Package journal writes the lines of a server's log in batches, with the same bytes as log/slog.
//
// Lines are written at once, unless there are more than sixty within Every: those that follow are written together, so
// a busy server makes a system call for hundreds of lines instead of one for each. Warnings and errors are written at
// once, with all lines before them. The order of lines never changes.
//
// A process that is killed loses the lines of the last moment, at most those of Every. Call Flush before the process
// ends for any other reason. If the sink does not accept lines, callers wait when maxPending bytes are pending.
package journal
