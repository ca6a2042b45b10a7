package mailtest

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
)

// Scripted is an SMTP server that follows a script after it got a message. It supports no extension but 8BITMIME.
type Scripted struct {
	Addr string // host and port

	mu       sync.Mutex
	commands []string
}

// Script starts a server that answers a message with answer, closes the connection then if closes is set, and gives the
// answers in after to later commands; an empty one closes the connection. It runs until the test ends.
func Script(t testing.TB, answer string, closes bool, after map[string]string) *Scripted {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	s := &Scripted{Addr: l.Addr().String()}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.talk(conn, answer, closes, after)
			conn.Close()
		}
	}()
	return s
}

// Commands returns the commands so far, without the messages.
func (s *Scripted) Commands() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.commands...)
}

func (s *Scripted) talk(conn net.Conn, answer string, closes bool, after map[string]string) {
	in := bufio.NewScanner(conn)
	say := func(text string) { fmt.Fprintf(conn, "%s\r\n", text) }
	sent := false
	say("220 here")
	for in.Scan() {
		line := in.Text()
		s.mu.Lock()
		s.commands = append(s.commands, line)
		s.mu.Unlock()
		verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
		scripted, ok := after[verb]
		switch {
		case sent && ok && scripted == "":
			return
		case ok:
			say(scripted)
		case verb == "EHLO":
			say("250-here\r\n250 8BITMIME")
		case verb == "DATA":
			say("354 go on")
			for in.Scan() && in.Text() != "." {
			}
			if answer != "" {
				say(answer)
			}
			if sent = true; closes {
				return
			}
		case verb == "QUIT":
			say("221 bye")
			return
		default:
			say("250 well")
		}
	}
}
