package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// scaleCmd measures a server over a database that catalogCmd filled.
type scaleCmd struct {
	backend
	Projects int  `required:"" help:"How many synthetic projects the database has."`
	Head     bool `help:"Print the heading of the table too."`
}

// Run prints one row of the table.
func (c *scaleCmd) Run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "index-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program, err := build(ctx, dir)
	if err != nil {
		return err
	}
	x := newIndex(program, filepath.Join(dir, "data"), c.backend, true)
	if _, err := x.start(); err != nil { // warms the system's own caches, and migrates
		return err
	}
	if err := x.people(); err != nil {
		return err
	}
	x.stop()
	start, err := x.start()
	if err != nil {
		return err
	}
	defer x.stop()
	time.Sleep(3 * time.Second)
	idle := x.memory("RssAnon")
	row := []any{c.Projects, ms(start), idle}
	if c.Head {
		fmt.Println("| projects | start, ms | idle, MB | page of 12 files, first, ms | again, ms | page of 10,000 first, ms | list, first, ms | list, MB | list again, ms | project page, ms | search, common word, ms | rare word, ms | two words, ms | one upload, ms | uploads/s, 8 at once |")
		fmt.Println("|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
	}
	measured, err := c.measure(x)
	if err != nil {
		return err
	}
	for _, v := range append(row, measured...) {
		switch v := v.(type) {
		case float64:
			fmt.Printf("| %.1f ", v)
		default:
			fmt.Printf("| %v ", v)
		}
	}
	fmt.Println("|")
	return nil
}

func (c *scaleCmd) measure(x *index) (row []any, err error) {
	n := max(c.Projects/2/12*12+11, 11) // has twelve files
	pages := []string{
		fmt.Sprintf("/simple/synthetic-%d/", n), fmt.Sprintf("/simple/synthetic-%d/", n), "/simple/synthetic-0/", "/simple/", "", "/simple/",
		fmt.Sprintf("/project/synthetic-%d/", n), "/search/?q=library", "/search/?q=quaternions", "/search/?q=networks+quaternions",
	}
	var list []byte
	for _, page := range pages {
		if page == "" {
			row = append(row, float64(len(list))/1e6)
			continue
		}
		if c.Projects == 0 && page != "/simple/" && page[:8] != "/search/" {
			row = append(row, "")
			continue
		}
		body, took, err := x.get(page)
		if err != nil {
			return nil, err
		}
		if page == "/simple/" {
			list = body
		}
		row = append(row, ms(took))
	}
	var each []float64
	stamp := time.Now().Unix()
	for i := range 50 {
		begin := time.Now()
		if err := x.upload(fmt.Sprintf("fresh-%d", stamp), fmt.Sprintf("0.%d", i), 2000); err != nil {
			return nil, err
		}
		each = append(each, ms(time.Since(begin)))
	}
	rate, err := x.uploads(fmt.Sprintf("fresh-%d", stamp), 1000, 1000, 8)
	return append(row, median(each), rate), err
}
