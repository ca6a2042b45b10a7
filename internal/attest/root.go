package attest

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"

	prototrustroot "github.com/sigstore/protobuf-specs/gen/pb-go/trustroot/v1"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"google.golang.org/protobuf/encoding/protojson"
)

// maxRoot limits the trusted root file, in bytes. Sigstore's own has 7,000.
const maxRoot = 1 << 20

// publicGood is the organization in the certificates of Sigstore's public instance, and its domain.
const publicGood = "sigstore.dev"

// load reads a trusted root, a JSON document of type application/vnd.dev.sigstore.trustedroot+json, and returns a
// verifier for it. If sct is true, certificates must prove that they are logged. sct must be true for the public
// instance: anyone can get certificates from it, so every issuance must be publicly visible. load also returns
// descriptions of the logs and authorities that were left out.
func load(path string, sct bool) (*verify.Verifier, []string, error) {
	text, err := readFile(path)
	if err != nil {
		return nil, nil, err
	}
	trusted, left, err := supported(text)
	if err != nil {
		return nil, nil, fmt.Errorf("%s is not a trusted root of Sigstore: %w", path, err)
	}
	if err := complete(trusted, sct); err != nil {
		return nil, nil, fmt.Errorf("%s: %w%s", path, err, because(left))
	}
	options := []verify.VerifierOption{
		verify.WithTransparencyLog(1), verify.WithObserverTimestamps(1), verify.WithoutStatementPredicate(),
	}
	if sct {
		options = append(options, verify.WithSignedCertificateTimestamps(1))
	}
	v, err := verify.NewVerifier(trusted, options...)
	return v, left, err
}

// supported parses a trusted root without the logs and authorities that the library does not support, so that a new
// kind of key in Sigstore's next root does not stop the index. It also ignores members that the library does not know.
func supported(text []byte) (*root.TrustedRoot, []string, error) {
	all := new(prototrustroot.TrustedRoot)
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(text, all); err != nil {
		return nil, nil, err
	}
	var left []string
	keep := func(what, name string, alone *prototrustroot.TrustedRoot) bool {
		alone.MediaType = all.GetMediaType()
		_, err := root.NewTrustedRootFromProtobuf(alone)
		if err != nil {
			left = append(left, fmt.Sprintf("%s %.200s is left out: %.200s", what, name, err))
		}
		return err == nil
	}
	if _, err := root.NewTrustedRootFromProtobuf(&prototrustroot.TrustedRoot{MediaType: all.GetMediaType()}); err != nil {
		return nil, nil, err
	}
	type log = prototrustroot.TransparencyLogInstance
	type authority = prototrustroot.CertificateAuthority
	all.Tlogs = slices.DeleteFunc(all.GetTlogs(), func(x *log) bool {
		return !keep("the transparency log", x.GetBaseUrl(), &prototrustroot.TrustedRoot{Tlogs: []*log{x}})
	})
	all.Ctlogs = slices.DeleteFunc(all.GetCtlogs(), func(x *log) bool {
		return !keep("the certificate log", x.GetBaseUrl(), &prototrustroot.TrustedRoot{Ctlogs: []*log{x}})
	})
	all.CertificateAuthorities = slices.DeleteFunc(all.GetCertificateAuthorities(), func(x *authority) bool {
		alone := &prototrustroot.TrustedRoot{CertificateAuthorities: []*authority{x}}
		return !keep("the certificate authority", x.GetUri(), alone)
	})
	all.TimestampAuthorities = slices.DeleteFunc(all.GetTimestampAuthorities(), func(x *authority) bool {
		alone := &prototrustroot.TrustedRoot{TimestampAuthorities: []*authority{x}}
		return !keep("the timestamp authority", x.GetUri(), alone)
	})
	trusted, err := root.NewTrustedRootFromProtobuf(all)
	return trusted, left, err
}

// because explains a refused root by the parts that were left out of it.
func because(left []string) string {
	if len(left) == 0 {
		return ""
	}
	return " (" + strings.Join(left, "; ") + ")"
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxRoot+1))
	if err == nil && len(text) > maxRoot {
		err = fmt.Errorf("%s is longer than %d bytes", path, maxRoot)
	}
	return text, err
}

// complete refuses a root that could verify nothing, or that would accept too much.
func complete(trusted *root.TrustedRoot, sct bool) error {
	switch {
	case len(trusted.FulcioCertificateAuthorities()) == 0:
		return errors.New("it has no certificate authority")
	case len(trusted.RekorLogs()) == 0:
		return errors.New("it has no transparency log")
	case sct && len(trusted.CTLogs()) == 0:
		return errors.New(
			`it has no certificate transparency log: for a private Sigstore without one, set attestations.sct = "ignore"`,
		)
	}
	for _, ca := range trusted.FulcioCertificateAuthorities() {
		if f, ok := ca.(*root.FulcioCertificateAuthority); ok && !sct && public(f) {
			return errors.New(
				`it trusts the public Sigstore, whose certificates must prove that they are logged: leave attestations.sct at "require"`,
			)
		}
	}
	return nil
}

func public(ca *root.FulcioCertificateAuthority) bool {
	u, err := url.Parse(ca.URI)
	return err == nil && strings.HasSuffix("."+u.Hostname(), "."+publicGood) ||
		ca.Root != nil && slices.Contains(ca.Root.Subject.Organization, publicGood)
}
