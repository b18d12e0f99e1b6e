package contender

import (
	"strconv"
)

func goEchoPlan(c *Contender, s *Setup) (plan, error) {
	p := plan{echo: true, args: []string{"echo", "--plain", "127.0.0.1:" + strconv.Itoa(int(s.Ports.DNS))}}
	if s.Certificate != "" {
		p.args = append(p.args, "--secure", "127.0.0.1:"+strconv.Itoa(int(s.Ports.Secure)), "--certificate", s.Certificate, "--key", s.Key)
	}
	p.env = []string{"GOMAXPROCS=" + strconv.Itoa(s.Workers)}
	return p, nil
}

func cEchoPlan(c *Contender, s *Setup) (plan, error) {
	return plan{echo: true, args: []string{"127.0.0.1", strconv.Itoa(int(s.Ports.DNS))}}, nil
}
