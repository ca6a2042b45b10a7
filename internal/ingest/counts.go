package ingest

import (
	"context"
	"errors"

	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/tally"
)

// Counted is what the uploads of a process are counted by.
type Counted struct {
	Result string // see the constants
	Reason string // of UploadRefused and UploadFailed: the kind of fault; otherwise ""
}

// The results of uploads.
const (
	UploadAccepted  = "accepted"
	UploadIdentical = "identical" // the same file was there already
	UploadRefused   = "refused"
	UploadFailed    = "failed"  // because of this server
	UploadAborted   = "aborted" // the client disconnected
)

// The results for the attestations of an upload.
const (
	attVerified   = "verified"
	attUnverified = "unverified" // kept, but not shown
	attDiscarded  = "discarded"
	attRefused    = "refused" // with the upload
)

// AttestationResults are the results for the attestations of an upload.
var AttestationResults = []string{attVerified, attUnverified, attDiscarded, attRefused}

type counts struct {
	uploads      tally.Counts[Counted]
	bytes        tally.Counts[struct{}]
	attestations tally.Counts[string]
}

// Counts are the numbers of uploads since the process started.
type Counts struct {
	Uploads      map[Counted]int64
	Bytes        int64            // of accepted files
	Attestations map[string]int64 // by result; those of an upload that is refused for another reason count too
}

// Counts returns the numbers of uploads since the process started.
func (x *Intake) Counts() Counts {
	return Counts{
		Uploads: x.counts.uploads.All(), Bytes: x.counts.bytes.All()[struct{}{}], Attestations: x.counts.attestations.All(),
	}
}

// count counts an upload that ended with err.
func (x *Intake) count(ctx context.Context, receipt Receipt, err error) {
	kind := fault.KindOf(err)
	c := Counted{Result: UploadRefused, Reason: kind.String()}
	switch {
	case err == nil && receipt.Created:
		c = Counted{Result: UploadAccepted}
		x.counts.bytes.Add(struct{}{}, receipt.File.Size)
	case err == nil:
		c = Counted{Result: UploadIdentical}
	case ctx.Err() != nil || errors.Is(err, context.Canceled):
		c = Counted{Result: UploadAborted}
	case kind == fault.Internal || kind == fault.Unavailable:
		c.Result = UploadFailed
	}
	x.counts.uploads.Add(c, 1)
}

// countAttestations counts the attestations of an upload, of which the attester kept some.
func (x *Intake) countAttestations(sent []string, keep []catalog.Attestation, err error) {
	switch {
	case len(sent) == 0:
	case err != nil:
		x.counts.attestations.Add(attRefused, 1)
	case len(keep) == 0:
		x.counts.attestations.Add(attDiscarded, 1)
	}
	for _, a := range keep {
		result := attUnverified
		if a.Verified {
			result = attVerified
		}
		x.counts.attestations.Add(result, 1)
	}
}
