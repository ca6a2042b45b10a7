package access_test

import (
	"math/rand/v2"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/publishers"
)

func TestGroups(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	_, s := o.token("alice", access.NewAPIToken{Scope: access.ScopeAdmin})
	alice, _ := o.identify(s)
	for what, err := range map[string]error{
		"DeleteGroup": o.DeleteGroup(ctx, alice, "team"), "AddMember": o.AddMember(ctx, alice, "team", "alice"),
		"RemoveMember": o.RemoveMember(ctx, alice, "team", "alice"),
	} {
		t.Run(what, func(t *testing.T) {
			if !fault.Is(err, fault.Denied) {
				t.Errorf("%s by a user = %v, want denied", what, err)
			}
		})
	}
	if _, err := o.AddGroup(ctx, alice, "team", ""); !fault.Is(err, fault.Denied) {
		t.Errorf("AddGroup by a user = %v, want denied", err)
	}
	if _, err := o.Groups(ctx, alice); !fault.Is(err, fault.Denied) {
		t.Errorf("Groups for a user = %v, want denied", err)
	}
	if _, err := o.Group(ctx, alice, "team"); !fault.Is(err, fault.Denied) {
		t.Errorf("Group for a user = %v, want denied", err)
	}
	for _, bad := range []string{"", "Team", "-a", "a b", "a/b", string(make([]byte, 70))} {
		if _, err := o.AddGroup(ctx, o.boss, bad, ""); fault.FieldOf(err) != "name" {
			t.Errorf("AddGroup(%q) = %v, want a refusal of the name", bad, err)
		}
	}
	if _, err := o.AddGroup(ctx, o.boss, "team", "all of us"); err != nil {
		t.Fatal(err)
	}
	if _, err := o.AddGroup(ctx, o.boss, "team", ""); fault.FieldOf(err) != "name" {
		t.Errorf("AddGroup again = %v", err)
	}
	for _, err := range []error{
		o.AddMember(ctx, o.boss, "team", "nobody"), o.AddMember(ctx, o.boss, "nothing", "alice"),
		o.RemoveMember(ctx, o.boss, "team", "alice"), o.DeleteGroup(ctx, o.boss, "nothing"),
	} {
		if !fault.Is(err, fault.NotFound) {
			t.Errorf("%v, want not found", err)
		}
	}
}

// After any sequence of changes a caller may do what a freshly made keyring says, and what the rows add up to.
func TestGroupRights(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	_, s := o.token("alice", access.NewAPIToken{Scope: access.ScopeAdmin})
	for _, g := range []string{"red", "blue"} {
		if _, err := o.AddGroup(ctx, o.boss, g, ""); err != nil {
			t.Fatal(err)
		}
	}
	user := func() (id string) {
		users, err := o.Users(ctx, o.boss)
		if err != nil {
			t.Fatal(err)
		}
		return users[0].ID
	}()
	ids := map[string]string{}
	for _, g := range []string{"red", "blue"} {
		d, err := o.Group(ctx, o.boss, g)
		if err != nil {
			t.Fatal(err)
		}
		ids[g] = d.ID
	}
	var repository string
	err := o.rows.Publishers().View(ctx, func(tx publishers.Tx) error {
		r, err := tx.RepositoryByName(ctx, "main")
		repository = r.ID
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	in := map[string]bool{}
	roles := map[string]access.Role{} // "" is alice's own
	object := access.Object{RepositoryID: repository}
	for step := range 200 {
		g := []string{"red", "blue"}[rand.IntN(2)]
		role := access.Role(1 + rand.IntN(4))
		var err error
		switch rand.IntN(6) {
		case 0:
			err, in[g] = o.AddMember(ctx, o.boss, g, "alice"), true
		case 1:
			if in[g] {
				err = o.RemoveMember(ctx, o.boss, g, "alice")
			}
			in[g] = false
		case 2:
			err = o.write(func(tx access.Tx) error {
				return tx.PutGroupGrant(ctx, access.GroupGrant{GroupID: ids[g], RepositoryID: repository, Role: role})
			})
			roles[g] = role
		case 3:
			err = o.write(func(tx access.Tx) error {
				_, err := tx.RemoveGroupGrant(ctx, access.GroupGrant{GroupID: ids[g], RepositoryID: repository})
				return err
			})
			roles[g] = access.NoRole
		case 4:
			err = o.write(func(tx access.Tx) error {
				return tx.PutGrant(ctx, access.Grant{UserID: user, RepositoryID: repository, Role: role})
			})
			roles[""] = role
		case 5:
			err = o.write(func(tx access.Tx) error {
				_, err := tx.RemoveGrant(ctx, access.Grant{UserID: user, RepositoryID: repository})
				return err
			})
			roles[""] = access.NoRole
		}
		if err != nil {
			t.Fatal(err)
		}
		want := roles[""]
		for g := range ids {
			if in[g] {
				want = max(want, roles[g])
			}
		}
		who, _ := o.identify(s)
		for r := access.Reader; r <= access.Owner; r++ {
			if got := who.May(r, object); got != (want >= r) {
				t.Fatalf("step %d: May(%v) = %v, and the rows say %v", step, r, got, want)
			}
		}
	}
}

// write changes rows as the rules do, with a new serial.
func (o *office) write(f func(access.Tx) error) error {
	return o.rows.Access().Update(o.t.Context(), func(tx access.Tx) error {
		if err := f(tx); err != nil {
			return err
		}
		_, err := tx.NextSerial(o.t.Context())
		return err
	})
}
