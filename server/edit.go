package server

import (
	"fmt"
	"time"

	"go.uber.org/zap"

	"yushan/zone"
	"yushan/zone/dname"
)

// Edit changes a zone of the configuration that is in service: changes is given
// an edit of the zone, and what it asks for is committed and answered from. The
// report says what there is to say about it; an error, that nothing was changed.
//
// The work is done by a thread that gives way to those which answer queries. The
// master file is not written: the next reload that reads it puts what it says into
// service.
func (s *Server) Edit(origin []byte, changes func(*zone.Edit)) (*zone.Report, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.zones[string(origin)]
	if old == nil {
		return nil, fmt.Errorf("zone %s is not one of the configuration's", dname.Display(origin))
	}
	edited := *old
	edited.files, edited.image, edited.saved = newFiles(), imageUse{}, false // it is not what they say
	done := make(chan struct{})
	start := time.Now()
	defer s.collector.hold()()
	whenIdle(func() {
		defer close(done)
		e := old.Zone.Edit()
		changes(e)
		if edited.Zone, edited.Report = e.Commit(); edited.Zone != nil && wasteful(edited.Zone.Stats()) {
			edited.Zone = edited.Zone.Compact()
		}
	})
	<-done
	if edited.Zone == nil {
		return edited.Report, fmt.Errorf("zone %s stays as it is: its edit has %s", dname.Display(origin), count(edited.Report.Errors, "error"))
	}
	edited.Took = time.Since(start)
	s.zones[string(origin)] = &edited
	zones := append([]*zone.Zone(nil), s.static...)
	for _, z := range s.cfg.Zones {
		if l := s.zones[string(z.Name)]; l != nil {
			zones = append(zones, l.Zone)
		}
	}
	s.answerFrom(s.cfg, zones)
	s.log.Debug("zone edited", zoneField(origin), zap.Uint32("serial", edited.Zone.Serial()), zap.Duration("took", edited.Took))
	return edited.Report, nil
}
