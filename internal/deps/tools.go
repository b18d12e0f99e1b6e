package tools
import (_ "github.com/miekg/dns";_ "go.uber.org/zap";_ "github.com/alecthomas/kong";_ "golang.org/x/net/idna";_ "golang.org/x/sys/unix";_ "github.com/vbauerster/mpb/v8";_ "golang.org/x/sync/errgroup";_ "go.yaml.in/yaml/v4")
