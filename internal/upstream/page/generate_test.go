package page_test

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// generated returns a JSON page of the project with n files as a large public index writes it: a source distribution
// and wheels for many platforms of each version, with random digests.
func generated(project string, n int) []byte {
	random := rand.New(rand.NewPCG(1, uint64(n)))
	digest := func() string {
		b := make([]byte, 32)
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		return hex.EncodeToString(b)
	}
	tags := []string{""}
	for _, python := range []string{"cp310", "cp311", "cp312", "cp313"} {
		for _, platform := range []string{
			"macosx_10_13_x86_64", "macosx_11_0_arm64", "manylinux_2_17_aarch64.manylinux2014_aarch64",
			"manylinux_2_17_x86_64.manylinux2014_x86_64", "musllinux_1_2_x86_64", "win32", "win_amd64",
		} {
			tags = append(tags, python+"-"+python+"-"+platform)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, `{"alternate-locations":[],"files":[`)
	at := time.Date(2015, 1, 2, 3, 4, 5, 0, time.UTC)
	for i := range n {
		version := fmt.Sprintf("%d.%d.%d", i/29/100, i/29/10%10, i/29%10)
		if i%29 == 0 {
			at = at.Add(time.Duration(random.IntN(20*24)) * time.Hour)
		}
		at = at.Add(time.Duration(random.IntN(5_000_000)) * time.Microsecond)
		name, metadata, provenance := project+"-"+version+".tar.gz", "false", "null"
		if tag := tags[i%29]; tag != "" {
			name = project + "-" + version + "-" + tag + ".whl"
			metadata = `{"sha256":"` + digest() + `"}`
		}
		if i > n/2 {
			provenance = `"https://up.example/integrity/` + project + "/" + version + "/" + name + `/v1/provenance"`
		}
		path := digest()
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, `{"core-metadata":%s,"data-dist-info-metadata":%s,"filename":%q,"hashes":{"sha256":%q},`+
			`"provenance":%s,"requires-python":">=3.%d","size":%d,"upload-time":%q,`+
			`"url":"https://files.up.example/packages/%s/%s/%s/%s","yanked":false}`,
			metadata, metadata, name, digest(), provenance, 6+i*5/n, random.IntN(20_000_000),
			at.Format("2006-01-02T15:04:05.000000Z"), path[:2], path[2:4], path[4:], name)
	}
	fmt.Fprintf(&b, `],"meta":{"_last-serial":12345678,"api-version":"1.4"},"name":%q,"project-status":{"status":"active"},"versions":[]}`, project)
	return []byte(b.String())
}
