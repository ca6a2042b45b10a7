package config

import (
	"errors"
	"fmt"

	"pyindex/internal/access"
	"pyindex/internal/mail"
)

type mailConfig struct {
	Server       string `placeholder:"HOST:PORT" help:"SMTP server for outgoing e-mail (default: no e-mail is sent)."`
	From         string `placeholder:"ADDRESS" help:"Sender of the messages: an address, or a name and an address in angle brackets."`
	User         string `placeholder:"NAME" help:"User name for the SMTP server (default: none)."`
	PasswordFile string `placeholder:"FILE" help:"File with the password for the SMTP server."`
	TLS          string `name:"tls" enum:"starttls,tls,none" default:"starttls" help:"Encryption of the connection: starttls, tls (from the start), or none (only for a server on this machine)."`
}

func (c *Config) checkMail() error {
	_, err := c.Mail.Sender()
	return err
}

// Sender returns the configured sender of e-mail, or nil if no server is set.
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
