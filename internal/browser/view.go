package browser

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// Scheme is which of its two sets of colours a page is to show.
type Scheme string

// The schemes that pages can ask for, as prefers-color-scheme.
const (
	Light Scheme = "light"
	Dark  Scheme = "dark"
)

// Use makes pages see that their reader prefers the scheme.
func (s Scheme) Use() chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: string(s)}},
		})
		return err
	})
}

// Desktop makes the tab as large as a window on a desk.
func Desktop() chromedp.Action[chromedp.Void] {
	return chromedp.EmulateViewport(1280, 900)
}

// Phone makes the tab as narrow as a phone, touched by fingers.
func Phone() chromedp.Action[chromedp.Void] {
	return chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch)
}

// Screenshot writes a picture of the whole page, as long as it is, to a PNG
// file, whose directory it makes.
func Screenshot(ctx context.Context, path string) error {
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		return fmt.Errorf("screenshot: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	return os.WriteFile(path, png, 0o666)
}
