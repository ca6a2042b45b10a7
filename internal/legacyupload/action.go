package legacyupload

import (
	"net/http"

	"pyindex/internal/fault"
)

const fileUpload = "file_upload"

// retired are actions from the time of distutils that old tools and documents still use.
var retired = map[string]string{
	"submit":          "registering a project beforehand is not needed: upload a file and the project is created",
	"submit_pkg_info": "registering a release beforehand is not needed: upload its file",
	"doc_upload":      "documentation cannot be uploaded here: publish it elsewhere and link it in the project's URLs",
}

// checkAction refuses all actions except file_upload. Clients send ":action" in the form or in the query string; every
// value must be valid.
func checkAction(actions []string) error {
	if len(actions) == 0 {
		return fault.New(fault.Invalid, `the form has no ":action" field: send "file_upload", as twine and uv do`)
	}
	for _, action := range actions {
		if why, ok := retired[action]; ok {
			return refuse(http.StatusGone, why)
		}
		if action != fileUpload {
			return fault.New(fault.Invalid, `%.60q is not an action: send ":action" once, with the value "file_upload"`, action)
		}
	}
	return nil
}

// checkProtocol refuses unknown protocol versions.
func checkProtocol(version string) error {
	if version != "" && version != "1" {
		return fault.New(fault.Invalid, `protocol_version %.60q is not supported here: send "1" or leave it out`, version)
	}
	return nil
}
