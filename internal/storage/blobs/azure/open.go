package azure

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
)

// account is where containers are, from the environment and the parameters of a URL.
type account struct {
	name, domain, protocol string
	cdn, emulator          bool
}

// environment returns the account that the environment sets.
func environment() account {
	cdn, _ := strconv.ParseBool(os.Getenv("AZURE_STORAGE_IS_CDN"))
	emulator, _ := strconv.ParseBool(os.Getenv("AZURE_STORAGE_IS_LOCAL_EMULATOR"))
	a := account{
		name: os.Getenv("AZURE_STORAGE_ACCOUNT"), domain: os.Getenv("AZURE_STORAGE_DOMAIN"),
		protocol: os.Getenv("AZURE_STORAGE_PROTOCOL"), cdn: cdn, emulator: emulator,
	}
	for part := range strings.SplitSeq(connectionString(), ";") {
		switch name, value, _ := strings.Cut(part, "="); name {
		case "AccountName":
			a.name = cmp.Or(a.name, value)
		case "DefaultEndpointsProtocol":
			a.protocol = cmp.Or(a.protocol, value)
		}
	}
	return a
}

func connectionString() string {
	return cmp.Or(os.Getenv("AZURE_STORAGE_CONNECTION_STRING"), os.Getenv("AZURE_STORAGEBLOB_CONNECTIONSTRING"))
}

// with returns the account with the parameters of a URL.
func (a account) with(q url.Values) (account, error) {
	for name, values := range q {
		value := values[0]
		var err error
		switch name {
		case "domain":
			a.domain = value
		case "protocol":
			a.protocol = value
		case "storage_account":
			a.name = value
		case "cdn":
			a.cdn, err = strconv.ParseBool(value)
		case "localemu":
			a.emulator, err = strconv.ParseBool(value)
		default:
			return a, fmt.Errorf("unknown query parameter %q", name)
		}
		if err != nil {
			return a, fmt.Errorf("%s must be true or false, not %q", name, value)
		}
	}
	return a, nil
}

// url returns the URL of the account's containers.
func (a account) url() (*url.URL, error) {
	if a.name == "" {
		return nil, errors.New("the storage account is missing: set AZURE_STORAGE_ACCOUNT")
	}
	u := &url.URL{Scheme: cmp.Or(a.protocol, "https"), Host: cmp.Or(a.domain, "blob.core.windows.net")}
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("protocol must be http or https, not %q", u.Scheme)
	}
	switch {
	case a.emulator || strings.HasPrefix(u.Host, "127.0.0.1") || strings.HasPrefix(u.Host, "localhost"):
		u.Path = "/" + a.name
	case !a.cdn:
		u.Host = a.name + "." + u.Host
	}
	return u, nil
}

// Open returns the container of a name. The parameters are those of gocloud.dev/blob/azureblob, and so are the
// variables of the environment: a key, a shared access signature, a connection string, or what azidentity finds, such
// as the identity of the machine. Open sends no request.
func Open(name string, q url.Values) (*Bucket, error) {
	own := environment()
	a, err := own.with(q)
	if err != nil {
		return nil, err
	}
	at, err := a.url()
	if err != nil {
		return nil, err
	}
	client, err := connect(own, at, name)
	if err != nil {
		return nil, err
	}
	return &Bucket{client: client}, nil
}

func connect(own account, at *url.URL, name string) (*container.Client, error) {
	o := &container.ClientOptions{}
	o.Telemetry = policy.TelemetryOptions{ApplicationID: "index"}
	key, signature, connection := os.Getenv("AZURE_STORAGE_KEY"), os.Getenv("AZURE_STORAGE_SAS_TOKEN"), connectionString()
	keyOf := os.Getenv("AZURE_STORAGE_ACCOUNT")
	to := at.JoinPath(name)
	switch {
	case keyOf != "" && key != "":
		shared, err := container.NewSharedKeyCredential(keyOf, key)
		if err != nil {
			return nil, err
		}
		return container.NewClientWithSharedKeyCredential(to.String(), shared, o)
	case signature != "":
		// Whoever writes the URL must not send the signature elsewhere.
		if usual, err := own.url(); err != nil || usual.Scheme != to.Scheme || !strings.EqualFold(usual.Host, to.Host) {
			return nil, errors.New("the URL cannot change the server if AZURE_STORAGE_SAS_TOKEN is set")
		}
		to.RawQuery = strings.TrimPrefix(signature, "?")
		return container.NewClientWithNoCredential(to.String(), o)
	case connection != "":
		return container.NewClientFromConnectionString(connection, name, o)
	}
	found, err := azidentity.NewDefaultAzureCredential(nil)
	if err != nil {
		return nil, err
	}
	return container.NewClient(to.String(), found, o)
}
