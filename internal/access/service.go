package access

import (
	"cmp"
	"context"
	"regexp"
	"strings"
	"time"

	"pyindex/internal/audit"
	"pyindex/internal/fault"
)

// Service is a service account: an account for a machine, which belongs to a project or a group instead of a person. It
// has tokens, and roles up to uploader. It cannot sign in, has no password and no e-mail address, and outlives the
// account of its creator.
type Service struct {
	ID, Name    string // Name begins with ServicePrefix and is never used again
	Description string
	CreatedAt   time.Time
	DisabledAt  time.Time // zero while the account is active
	RemovedAt   time.Time // zero unless the account, its project or its group was removed
	CreatedBy   string    // id of the user who created it, "" for the operator
	Creator     string    // that user's name, set when read

	// The account belongs to a project or to a group. The names are set when read, and are "" once the project or group
	// is gone.
	ProjectID, Project       string
	RepositoryID, Repository string // of the project
	GroupID, Group           string
}

// Active reports whether the account is neither disabled nor removed.
func (s Service) Active() bool { return s.DisabledAt.IsZero() && s.RemovedAt.IsZero() }

// Owner describes what the account belongs to, as "project demo" or "group release".
func (s Service) Owner() string {
	switch {
	case s.Project != "":
		return "project " + s.Project
	case s.Group != "":
		return "group " + s.Group
	case s.ProjectID != "":
		return "a deleted project"
	}
	return "a removed group"
}

// ManagedBy reports whether the caller may manage the account and its tokens: administrators may, and the owners of its
// project.
func (s Service) ManagedBy(who Caller) bool {
	return who.Admin() || who.kind == KindUser && s.Project != "" &&
		who.May(Owner, Object{RepositoryID: s.RepositoryID, ProjectID: s.ProjectID})
}

// ServiceRows stores service accounts, beside their rows of UserRows. Reads of a single account return fault.NotFound
// if it does not exist.
type ServiceRows interface {
	// InsertService adds the account of a user row. It returns fault.NotFound if the project or group does not exist.
	InsertService(ctx context.Context, s Service) error
	ServiceByName(ctx context.Context, name string) (Service, error)
	ServiceByID(ctx context.Context, id string) (Service, error)
	// Services returns the accounts of a project and of a group that were not removed, by name. An empty id selects all.
	Services(ctx context.Context, projectID, groupID string) ([]Service, error)
	// CountServices returns how many accounts were ever created for a project, and how many by a user, with removed ones.
	// It does not count those of groups.
	CountServices(ctx context.Context, projectID, createdBy string) (ofProject, byUser int, err error)
	// RemoveService ends an account for good: its tokens, roles and memberships. It reports false if the account was
	// removed before.
	RemoveService(ctx context.Context, id string, at time.Time) (bool, error)
}

// ServicePrefix begins the name of every service account. The name of a person cannot contain a colon.
const ServicePrefix = "svc:"

// Limits of service accounts.
const (
	MaxServices      = 20 // of one project or group
	MaxServiceTokens = 20 // live tokens of one account
	maxServiceName   = 60 // without the prefix

	// A name is never used again, so names are bounded too, with those of removed accounts. Administrators may create
	// more.
	MaxServicesEver   = 100 // of one project
	MaxServicesByUser = 500 // of all projects, by one user
)

var serviceName = regexp.MustCompile(`\A[a-z0-9]+(-[a-z0-9]+)*\z`)

// ParseServiceName returns the full name of a service account, from a name with or without the prefix. There is one
// spelling: lower-case letters and digits, in parts joined by single dashes. It returns fault.Invalid for other text.
func ParseServiceName(s string) (string, error) {
	short := strings.TrimPrefix(s, ServicePrefix)
	if len(short) > maxServiceName || !serviceName.MatchString(short) {
		return "", fault.InField("name",
			"%.80q is not the name of a service account: use lower-case letters, digits and single dashes, %d at most",
			short, maxServiceName)
	}
	return ServicePrefix + short, nil
}

// NewService is the input of AddService. It specifies a project or a group.
type NewService struct {
	Name        string // with or without ServicePrefix
	Description string // at most 100 characters
	Role        Role   // in the project: Reader or Uploader

	RepositoryID, ProjectID, Project string // ids and normal name of the project
	Group                            string // name of the group
}

func (n NewService) check() error {
	switch {
	case (n.ProjectID == "") == (n.Group == ""):
		return fault.New(fault.Invalid, "a service account belongs to a project or to a group")
	case n.ProjectID != "" && n.Role != Reader && n.Role != Uploader:
		return errServiceRole
	case len([]rune(n.Description)) > maxDescription:
		return fault.InField("description", "a description has at most %d characters", maxDescription)
	}
	return nil
}

var errServiceRole = fault.InField("role", "a service account is a reader or an uploader")

// AddService creates a service account. In its project it gets the given role; in its group it becomes a member, and
// has the roles of the group up to uploader. It requires an owner of the project, or an administrator. It returns
// fault.Denied otherwise, fault.NotFound if the project or group does not exist, and fault.Invalid about the field name
// if the name is unacceptable or was ever used, or if there are MaxServices already. For an owner of the project who is
// not an administrator, removed accounts count up to MaxServicesEver and MaxServicesByUser.
func (d *Directory) AddService(ctx context.Context, who Caller, n NewService) (Service, error) {
	if err := n.check(); err != nil {
		return Service{}, err
	}
	s := Service{
		ID:           d.newID(),
		Description:  n.Description,
		CreatedAt:    d.now(),
		CreatedBy:    who.id,
		Creator:      who.name,
		ProjectID:    n.ProjectID,
		Project:      n.Project,
		RepositoryID: n.RepositoryID,
		Group:        n.Group,
	}
	var err error
	if s.Name, err = ParseServiceName(n.Name); err != nil {
		return Service{}, err
	}
	e := d.entry(who, "service.add", s.Name, map[string]any{"role": n.Role.String()})
	if s.Group != "" {
		e.Detail = map[string]any{"group": s.Group}
	}
	e.Repository, e.Project = s.RepositoryID, s.Project
	return s, d.changeAs(ctx, who, s.ManagedBy, e, func(tx Tx, who Caller) error {
		if err := d.insertService(ctx, tx, who, &s); err != nil {
			return err
		}
		if s.GroupID != "" {
			return tx.PutMember(ctx, s.GroupID, s.ID, serviceSource, d.now())
		}
		return tx.PutGrant(ctx, Grant{s.ID, s.RepositoryID, s.ProjectID, n.Role, d.now()})
	})
}

// serviceSource is the source of the membership of a service account in its group; see Member.
const serviceSource = "service"

func (d *Directory) insertService(ctx context.Context, tx Tx, who Caller, s *Service) error {
	if s.Group != "" {
		g, err := groupNamed(ctx, tx, s.Group)
		if err != nil {
			return err
		}
		s.GroupID = g.ID
	}
	there, err := tx.Services(ctx, s.ProjectID, s.GroupID)
	if err != nil {
		return err
	}
	if len(there) >= MaxServices {
		return fault.InField("name", "%s has %d service accounts already: remove one first", s.Owner(), MaxServices)
	}
	if !who.Admin() {
		if err := namesLeft(ctx, tx, who, s); err != nil {
			return err
		}
	}
	err = tx.InsertUser(ctx, User{ID: s.ID, Name: s.Name, CreatedAt: s.CreatedAt, Service: true})
	if fault.Is(err, fault.Conflict) {
		return fault.InField("name", "the name %s is taken, or was used before: choose another name", s.Name)
	} else if err != nil {
		return err
	}
	return tx.InsertService(ctx, *s)
}

// namesLeft returns fault.Invalid about the field name if the caller or the project used up the names of service
// accounts.
func namesLeft(ctx context.Context, tx Tx, who Caller, s *Service) error {
	ofProject, byUser, err := tx.CountServices(ctx, s.ProjectID, who.id)
	switch {
	case err != nil:
		return err
	case ofProject >= MaxServicesEver:
		return fault.InField("name",
			"%s has had %d service accounts, and a name is never used again: ask an administrator to create another one",
			s.Owner(), ofProject)
	case byUser >= MaxServicesByUser:
		return fault.InField("name",
			"you have created %d service accounts, and a name is never used again: ask an administrator to create another one",
			byUser)
	}
	return nil
}

// ServiceInfo is a service account with its tokens, newest first.
type ServiceInfo struct {
	Service
	Tokens []TokenInfo // without revoked ones
}

// Service returns a service account by its full name. It returns fault.NotFound unless the caller may manage it.
func (d *Directory) Service(ctx context.Context, who Caller, name string) (out ServiceInfo, err error) {
	err = d.store.View(ctx, func(tx Tx) error {
		out.Service, err = serviceFor(ctx, tx, who, name)
		return err
	})
	if err == nil {
		out.Tokens, err = d.tokensOf(ctx, out.ID, out.Name)
	}
	return out, err
}

// serviceFor returns a service account that the caller may manage. It returns the same fault.NotFound for an unknown
// account and for one of others.
func serviceFor(ctx context.Context, tx Tx, who Caller, name string) (Service, error) {
	s, err := tx.ServiceByName(ctx, name)
	if fault.Is(err, fault.NotFound) || err == nil && !s.ManagedBy(who) {
		return Service{}, fault.New(fault.NotFound,
			"there is no service account %.80q that you manage", name)
	}
	return s, err
}

// ServicesOf returns the service accounts of a project, by name. It returns fault.Denied unless the caller is an owner
// of the project.
func (d *Directory) ServicesOf(ctx context.Context, who Caller, repositoryID, projectID string,
) (out []Service, err error) {
	if projectID == "" || !who.May(Owner, Object{RepositoryID: repositoryID, ProjectID: projectID}) {
		return nil, fault.New(fault.Denied, "only an owner may see the service accounts of a project")
	}
	err = d.store.View(ctx, func(tx Tx) error {
		out, err = tx.Services(ctx, projectID, "")
		return err
	})
	return out, err
}

// Services returns all service accounts by name, except removed ones. It requires an administrator.
func (d *Directory) Services(ctx context.Context, who Caller) (out []Service, err error) {
	if !who.Admin() {
		return nil, denied("service accounts")
	}
	err = d.store.View(ctx, func(tx Tx) error {
		out, err = tx.Services(ctx, "", "")
		return err
	})
	return out, err
}

// RemoveService removes a service account for good: its tokens stop working with the next request, and its name is
// never used again. It returns fault.NotFound unless the caller may manage the account.
func (d *Directory) RemoveService(ctx context.Context, who Caller, name string) error {
	return d.changeService(ctx, who, "service.remove", name, func(tx Tx, _ Caller, s Service) error {
		did, err := tx.RemoveService(ctx, s.ID, d.now())
		if err == nil && !did {
			return fault.New(fault.NotFound, "the service account %s was removed before", s.Name)
		}
		return err
	})
}

// changeService runs a change to a service account that the caller may manage. The entry names the account's project,
// so that it appears in the project's history.
func (d *Directory) changeService(ctx context.Context, who Caller, action, name string,
	f func(Tx, Caller, Service) error,
) error {
	var s Service
	may := func(who Caller) bool { return who.Admin() || who.kind == KindUser && who.Manages() }
	e := d.entry(who, action, audit.Cut(name), nil)
	return d.changeWith(ctx, who, may, &e, func(tx Tx, who Caller) (err error) {
		if s, err = serviceFor(ctx, tx, who, name); err != nil {
			return err
		}
		e.Repository, e.Project, e.Detail = s.RepositoryID, s.Project, map[string]any{"belongs_to": s.Owner()}
		return f(tx, who, s)
	})
}

// EndServices removes the service accounts of a project or a group that is about to be deleted, and returns their
// names. Callers call it in the transaction of the deletion.
func EndServices(ctx context.Context, tx ServiceRows, projectID, groupID string, at time.Time,
) (names []string, err error) {
	if cmp.Or(projectID, groupID) == "" {
		return nil, nil // an empty id would select all of them
	}
	all, err := tx.Services(ctx, projectID, groupID)
	for _, s := range all {
		if _, err := tx.RemoveService(ctx, s.ID, at); err != nil {
			return nil, err
		}
		names = append(names, s.Name)
	}
	return names, err
}

// ShortName returns the name without its prefix.
func (s Service) ShortName() string { return strings.TrimPrefix(s.Name, ServicePrefix) }
