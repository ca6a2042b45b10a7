package terminal

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// Interactive reports whether a person at a terminal can answer questions.
func Interactive(in io.Reader) bool {
	f, ok := in.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Ask writes a question and returns the answer, in lower case and without blanks around it.
func (s Session) Ask(question string) string {
	fmt.Fprint(s.Errs, question)
	line, _ := bufio.NewReader(s.In).ReadString('\n')
	return strings.ToLower(strings.TrimSpace(line))
}
