package account

// loginScripts are the scripts of pages on which people prove who they are.
func (s *Section) loginScripts() []string {
	if s.o.SignIn.Passkeyed() {
		return []string{"passkey.js"}
	}
	return nil
}
