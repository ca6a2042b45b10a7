package account

// loginScripts returns the scripts of pages with a passkey button.
func (s *Section) loginScripts() []string {
	if s.o.SignIn.Passkeyed() {
		return []string{"passkey.js"}
	}
	return nil
}
