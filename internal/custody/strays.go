package custody

import (
	"context"
	"fmt"
	"slices"

	"pyindex/internal/access"
	"pyindex/internal/fault"
)

// Strays is what is in a store without a row.
type Strays struct {
	Objects int64 // all that the store has
	Strays  int64
	Bytes   int64 // of strays
	Young   int64 // objects without a row that are less than a day old, which are left alone
	Foreign int64 // objects that are none of an index's, which are left alone
	Removed int64
}

// strayBatch is how many keys are looked at in one transaction.
const strayBatch = 200

// FindStrays looks for stored objects that no file names, no upload holds and nobody is about to remove, and removes
// them if remove is set. It needs an administrator. It is safe beside uploads: they have a row before they have bytes,
// and a key is not used again while it is being removed. Objects of less than a day are left alone, for an index that
// is being moved here, whose rows come last.
func (k *Keeper) FindStrays(ctx context.Context, who access.Caller, remove bool,
	found func(Object),
) (n Strays, err error) {
	if !who.Admin() {
		return n, fault.New(fault.Denied, "only an administrator may look for strays")
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

// tell counts strays and removes them.
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
