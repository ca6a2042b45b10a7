package resolve

// SurveyWork returns the number of stored pages that HeldNow read, and of files that it decided about.
func (x *Reader) SurveyWork() (pages, files int64) {
	return x.survey.pages.Load(), x.survey.decided.Load()
}

// SurveySize returns the number of projects that the survey keeps.
func (x *Reader) SurveySize() int {
	x.survey.mu.Lock()
	defer x.survey.mu.Unlock()
	return len(x.survey.entries)
}
