package cijob

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// azure requests the token from the service that the agent names: the pipeline's token, or that of the service
// connection in SERVICE_CONNECTION_ID. The service fixes its audience.
func (j *jobIdentity) azure(ctx context.Context, _ string) (string, error) {
	const variable = "SYSTEM_OIDCREQUESTURI"
	address, bearer := j.env(variable), j.env("SYSTEM_ACCESSTOKEN")
	if address == "" {
		return "", errors.New("this Azure DevOps job has no " + variable +
			": update the agent, and pass the variable on if the step runs in a container")
	}
	if bearer == "" || strings.HasPrefix(bearer, "$(") {
		return "", errors.New("this step has no SYSTEM_ACCESSTOKEN: add env: {SYSTEM_ACCESSTOKEN: $(System.AccessToken)} to it")
	}
	u, err := serviceURL(variable, address)
	if err != nil {
		return "", err
	}
	if !j.ownAzure(u) {
		return "", fmt.Errorf("%s names the host %.100q, which is not that of SYSTEM_COLLECTIONURI: SYSTEM_ACCESSTOKEN was not sent",
			variable, u.Host)
	}
	q := u.Query()
	q.Set("api-version", "7.1")
	if id := j.env("SERVICE_CONNECTION_ID"); id != "" {
		q.Set("serviceConnectionId", id)
	}
	u.RawQuery = q.Encode()
	var answer struct{ OIDCToken string }
	status, err := j.request(ctx, http.MethodPost, u, bearer, &answer)
	if err != nil {
		return "", err
	}
	if status != http.StatusOK || answer.OIDCToken == "" {
		return "", fmt.Errorf("no identity token from Azure DevOps (status %d): check that SYSTEM_ACCESSTOKEN is "+
			"$(System.AccessToken), and that the pipeline may use the service connection in SERVICE_CONNECTION_ID, if it is set",
			status)
	}
	return answer.OIDCToken, nil
}

// ownAzure reports whether u is at Azure DevOps, or at the server of the agent's collection. SYSTEM_ACCESSTOKEN can
// read the organization's repositories, so a changed variable must not send it elsewhere.
func (j *jobIdentity) ownAzure(u *url.URL) bool {
	host := strings.ToLower(u.Host)
	if host == "dev.azure.com" || strings.HasSuffix(host, ".dev.azure.com") ||
		strings.HasSuffix(host, ".visualstudio.com") {
		return u.Scheme == "https"
	}
	for _, name := range []string{"SYSTEM_COLLECTIONURI", "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI"} {
		if c, err := url.Parse(j.env(name)); err == nil && c.Host != "" && strings.EqualFold(c.Host, u.Host) &&
			c.Scheme == u.Scheme {
			return true
		}
	}
	return false
}
