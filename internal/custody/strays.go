package custody

import (
	"context"
	"fmt"
	"slices"

	"pyindex/internal/access"
	"pyindex/internal/fault"
)

// Strays counts the objects of a store that have no row.
type Strays struct {
	Objects int64 // all objects of the store
	Strays  int64
	Bytes   int64 // total size of the strays
	Young   int64 // objects without a row that are less than a day old; never removed
	Foreign int64 // objects that do not belong to an index; never removed
	Removed int64
}

const strayBatch = 200

// FindStrays finds stored objects that no file references, no upload holds and that are not marked for deletion. It
// deletes them if remove is set; it returns fault.Conflict if a lease holds back deletions. It needs an administrator.
// It is safe to run beside uploads: they have a row before they have content, and a key is not reused while it is being
// deleted. Objects less than a day old are ignored: if an index is being moved here, its rows come last.
func (k *Keeper) FindStrays(ctx context.Context, who access.Caller, remove bool,
	found func(Object),
) (n Strays, err error) {
	if !who.Admin() {
		return n, fault.New(fault.Denied, "only an administrator may look for strays")
	}
	if remove {
		if err := k.Free(ctx); err != nil {
			return n, err
		}
	}
	var batch []Object
	flush := func() error {
		strays, err := k.strays(ctx, batch)
		batch = batch[:0]
		if err != nil {
			return err
		}
		return k.tell(ctx, strays, remove, found, &n)
	}
	err = k.blobs.Each(ctx, func(o Object) error {
		n.Objects++
		if IsNamesKey(o.Key) && o.Ours {
			return nil
		}
		if !o.Ours {
			n.Foreign++
			return nil
		}
		if batch = append(batch, o); len(batch) < strayBatch {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	if err == nil && remove && n.Removed < n.Strays {
		err = &Leftover{Objects: int(n.Strays - n.Removed), Deleted: fmt.Sprintf("%d stray objects were removed", n.Removed)}
	}
	return n, err
}

func (k *Keeper) strays(ctx context.Context, all []Object) (out []Object, err error) {
	err = k.store.View(ctx, func(tx Tx) error {
		out = nil
		for _, o := range all {
			stray, err := tx.IsStray(ctx, o.Key)
			if err != nil {
				return err
			}
			if stray {
				out = append(out, o)
			}
		}
		return nil
	})
	return out, err
}

// tell counts strays, reports them to found, and deletes them if remove is set.
func (k *Keeper) tell(ctx context.Context, strays []Object, remove bool, found func(Object), n *Strays) error {
	strays = slices.DeleteFunc(strays, func(o Object) bool {
		young := o.Changed.After(k.clock().Add(-grace))
		if young {
			n.Young++
		}
		return young
	})
	var keys []string
	for _, o := range strays {
		n.Strays++
		n.Bytes += o.Size
		if found != nil {
			found(o)
		}
		keys = append(keys, o.Key)
	}
	if !remove || len(keys) == 0 {
		return nil
	}
	var waste []string
	err := k.store.Update(ctx, func(tx Tx) error {
		waste = nil
		for _, key := range keys {
			drop, err := tx.DropStray(ctx, key)
			if err != nil {
				return err
			}
			if drop {
				waste = append(waste, key)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	dropped, _ := k.Drop(ctx, waste)
	n.Removed += int64(dropped)
	return nil
}
