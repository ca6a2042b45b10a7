package cijob

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
)

// onGoogle reports whether the program runs on Google Cloud, or for a service account of it. Like Google's libraries,
// it does not look if NO_GCE_CHECK is set.
func (j *jobIdentity) onGoogle() bool {
	if j.env("GCE_METADATA_HOST") != "" || j.env("GOOGLE_SERVICE_ACCOUNT_NAME") != "" {
		return true
	}
	if j.env("NO_GCE_CHECK") == "true" {
		return false
	}
	name, err := os.ReadFile(j.machine)
	return err == nil && slices.Contains([]string{"Google", "Google Compute Engine"}, strings.TrimSpace(string(name)))
}

// google requests the token of the machine's service account from the metadata server, or from gcloud if there is none.
// If GOOGLE_SERVICE_ACCOUNT_NAME is set, gcloud requests the token of that account.
func (j *jobIdentity) google(ctx context.Context, audience string) (string, error) {
	account := j.env("GOOGLE_SERVICE_ACCOUNT_NAME")
	if account == "" {
		text, err := j.metadata(ctx, audience)
		if err == nil || !j.installed("gcloud") {
			return text, err
		}
	} else if !j.installed("gcloud") {
		return "", errors.New("GOOGLE_SERVICE_ACCOUNT_NAME is set, but gcloud is not on the PATH: install it, or run this " +
			"as that account")
	}
	args := []string{"auth", "print-identity-token", "--audiences=" + audience}
	if account != "" {
		args = append(args, "--impersonate-service-account="+account, "--include-email")
	}
	out, err := j.run(ctx, "gcloud", args...)
	if err != nil {
		return "", programError("gcloud auth print-identity-token", err)
	}
	return string(out), nil
}

// metadata asks the metadata server, which is reached without a proxy and over plain http. The request contains no
// secret.
func (j *jobIdentity) metadata(ctx context.Context, audience string) (string, error) {
	u := url.URL{
		Scheme: "http", Host: cmp.Or(j.env("GCE_METADATA_HOST"), "metadata.google.internal"),
		Path:     "/computeMetadata/v1/instance/service-accounts/default/identity",
		RawQuery: url.Values{"audience": {audience}, "format": {"full"}}.Encode(),
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return "", errors.New("GCE_METADATA_HOST is not a host")
	}
	r.Header.Set("Metadata-Flavor", "Google")
	client := newLoginHTTP()
	client.Transport = &http.Transport{Proxy: nil, DisableKeepAlives: true}
	answer, err := client.Do(r)
	if err != nil {
		return "", fmt.Errorf("the metadata server of Google Cloud: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Metadata-Flavor") != "Google" {
		return "", fmt.Errorf("the metadata server of Google Cloud issued no identity token (status %d): "+
			"the machine needs a service account", answer.StatusCode)
	}
	b, err := io.ReadAll(io.LimitReader(answer.Body, maxLoginBody))
	return string(b), err
}
