package overlay

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"yushan/zone/dname"
)

// Errors that [Overlay.Present] and [Overlay.Remove] wrap.
var (
	ErrNotOurs = errors.New("no challenge records are held for this name")
	ErrFull    = errors.New("too many challenge records")
	ErrTooLong = errors.New("challenge value longer than 255 bytes")
	ErrClosed  = errors.New("challenge records are no longer held")
)

// Present publishes a TXT record with one string on this node. name is in
// presentation form and must be _acme-challenge.<host> for one of the hosts, or
// below that. A record that is there already lives on from now.
func (o *Overlay) Present(name, value string) error {
	return o.one(name, value, add)
}

// Remove takes the record away that [Overlay.Present] has published; it is no
// error if there is none.
func (o *Overlay) Remove(name, value string) error {
	return o.one(name, value, remove)
}

func (o *Overlay) one(name, value string, how action) error {
	owner, err := dname.ParseFQDN(name)
	if err != nil {
		return fmt.Errorf("challenge %q: %w", name, err)
	}
	if len(value) > 255 {
		return fmt.Errorf("challenge %q: %w", name, ErrTooLong)
	}
	dname.Lower(owner)
	z := o.find(owner)
	if z == nil {
		return fmt.Errorf("challenge %q: %w", name, ErrNotOurs)
	}
	rdata := append([]byte{byte(len(value))}, value...)
	if err := o.change(nil, []change{{how, z, owner, rdata}}); err != nil {
		return fmt.Errorf("challenge %q: %w", name, err)
	}
	return nil
}

// action is what a change does.
type action uint8

const (
	add       action = iota
	remove           // one record
	removeAll        // the records of one owner
)

// change is one step of an update.
type change struct {
	action action
	zone   *Zone
	owner  []byte
	rdata  []byte // of add and remove
}

// change makes all changes, or none. Before it asks permit, if there is one,
// whether they may be made to the records that are there.
func (o *Overlay) change(permit func([]record) error, changes []change) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return ErrClosed
	}
	now := time.Now()
	records := o.alive(now)
	if permit != nil {
		if err := permit(records); err != nil {
			return err
		}
	}
	for _, c := range changes {
		at := slices.IndexFunc(records, func(r record) bool {
			return bytes.Equal(r.owner, c.owner) && bytes.Equal(r.rdata, c.rdata)
		})
		switch {
		case c.action == removeAll:
			records = slices.DeleteFunc(records, func(r record) bool { return bytes.Equal(r.owner, c.owner) })
		case c.action == remove && at >= 0:
			records = slices.Delete(records, at, at+1)
		case c.action == add && at >= 0:
			records[at].expires = now.Add(o.lifetime)
		case c.action == add:
			if len(records) >= o.maxRecords {
				return ErrFull
			}
			records = append(records, record{c.zone, c.owner, c.rdata, now.Add(o.lifetime)})
		}
	}
	o.publish(records)
	return nil
}

// alive returns a copy of the records without those that have expired.
func (o *Overlay) alive(now time.Time) []record {
	records := make([]record, 0, len(o.records)+1)
	for _, r := range o.records {
		if r.expires.After(now) {
			records = append(records, r)
		}
	}
	return records
}

// publish puts records in the place of those that are there, in all zones, and
// has expire called when the first of them ends.
func (o *Overlay) publish(records []record) {
	o.records = records
	names := map[*Zone]map[string][][]byte{}
	for apex, z := range o.zones {
		names[z] = map[string][][]byte{apex: nil}
	}
	var first time.Time
	for _, r := range records {
		of := names[r.zone]
		of[string(r.owner)] = append(of[string(r.owner)], r.rdata)
		for name := r.owner; len(name) > len(r.zone.apex); name = dname.Parent(name) {
			if _, there := of[string(name)]; !there { // an empty non-terminal
				of[string(name)] = nil
			}
		}
		if first.IsZero() || r.expires.Before(first) {
			first = r.expires
		}
	}
	for z, of := range names {
		z.names.Store(&of)
	}
	if o.expiry != nil {
		o.expiry.Stop()
	}
	if len(records) > 0 {
		o.expiry = time.AfterFunc(time.Until(first), o.expire)
	}
}

func (o *Overlay) expire() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed {
		o.publish(o.alive(time.Now()))
	}
}

// Len returns how many records there are.
func (o *Overlay) Len() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.records)
}

// Close takes all records away and accepts no others.
func (o *Overlay) Close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed {
		o.publish(nil)
		o.closed = true
	}
}
