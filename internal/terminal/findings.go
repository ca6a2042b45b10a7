package terminal

import "pyindex/internal/doctor"

// Findings are the results of a doctor's checks.
type Findings = doctor.Findings
