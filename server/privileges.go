package server

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"go.uber.org/zap"
	"golang.org/x/sys/unix"

	"yushan/server/config"
)

// dropPrivileges becomes the user of the configuration, for all threads and for
// good, and forbids to gain privileges by executing anything.
func dropPrivileges(ids *config.IDs, log *zap.Logger) error {
	// Builds with cgo cannot make this call on all threads. The release is
	// built without.
	if _, _, errno := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0); errno == syscall.ENOTSUP {
		log.Debug("no-new-privileges is left off: it needs a build with CGO_ENABLED=0")
	} else if errno != 0 {
		return fmt.Errorf("setting no-new-privileges: %w", errno)
	}
	if ids == nil {
		return nil
	}
	if os.Geteuid() == ids.UID && os.Getegid() == ids.GID && os.Getuid() == ids.UID {
		return nil
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("only root can become user %d: start as root, or leave user and group out of the configuration", ids.UID)
	}
	if err := syscall.Setgroups(ids.Groups); err != nil {
		return fmt.Errorf("setting groups %v: %w", ids.Groups, err)
	}
	if err := syscall.Setresgid(ids.GID, ids.GID, ids.GID); err != nil {
		return fmt.Errorf("setting group %d: %w", ids.GID, err)
	}
	if err := syscall.Setresuid(ids.UID, ids.UID, ids.UID); err != nil {
		return fmt.Errorf("setting user %d: %w", ids.UID, err)
	}
	if ids.UID != 0 && syscall.Setuid(0) == nil {
		return errors.New("root could be had back after giving it up")
	}
	log.Info("gave root up", zap.Int("uid", ids.UID), zap.Int("gid", ids.GID))
	return nil
}

// makeDirectory makes a directory that nobody else may look into, if there is none,
// for the user that the process will be.
func makeDirectory(path string, cfg *config.Config) error {
	ids, err := cfg.IDs()
	if err != nil {
		return err
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	above := filepath.Dir(path)
	if _, err := os.Stat(above); errors.Is(err, fs.ErrNotExist) && above != path {
		if err := makeDirectory(above, cfg); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, 0o700); err != nil || ids == nil || os.Geteuid() != 0 {
		return err
	}
	return os.Chown(path, ids.UID, ids.GID)
}
