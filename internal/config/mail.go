package config

import (
	"errors"
	"fmt"

	"pyindex/internal/access"
	"pyindex/internal/mail"
)

type mailConfig struct {
	Server       string `placeholder:"HOST:PORT" help:"Server of SMTP that takes this index's mail (default: no mail is sent)."`
	From         string `placeholder:"ADDRESS" help:"Who the messages are from: an address, or a name and an address in angle brackets."`
	User         string `placeholder:"NAME" help:"User name at the server (default: none)."`
	PasswordFile string `placeholder:"FILE" help:"File with the password at the server."`
	TLS          string `name:"tls" enum:"starttls,tls,none" default:"starttls" help:"How the server is spoken to: starttls, tls from the first byte, or none, to this machine only."`
}

func (c *Config) checkMail() error {
	_, err := c.Mail.Sender()
	return err
}

// Sender is what sends mail, nil where none is sent.
func (c mailConfig) Sender() (*mail.Sender, error) {
	if c.Server == "" {
		if c.From != "" || c.User != "" || c.PasswordFile != "" {
			return nil, errors.New("mail.server: the server is missing")
		}
		return nil, nil
	}
	o := mail.Options{Server: c.Server, From: c.From, User: c.User, TLS: c.TLS}
	if c.PasswordFile != "" {
		password, err := readSecret("mail.password_file", c.PasswordFile)
		if err != nil {
			return nil, err
		}
		if o.Password = access.Secret(password); password == "" {
			return nil, errors.New("mail.password_file: the file is empty")
		}
	}
	s, err := mail.New(o)
	if err != nil {
		return nil, fmt.Errorf("mail.%w", err)
	}
	return s, nil
}
