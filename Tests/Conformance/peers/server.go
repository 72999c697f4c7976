// A server of Go's net/http as a peer for the conformance cases: reads a POST's body, and serves one file.
package main

import (
	"io"
	"log"
	"net/http"
	"os"
)

func main() {
	files := http.NewServeMux()
	files.HandleFunc("/webhooks/replicate", func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "POST" {
			w.Header().Set("Allow", "POST")
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		io.WriteString(w, "ok\n")
	})
	files.HandleFunc("/healthz", func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "GET" && r.Method != "HEAD" {
			w.Header().Set("Allow", "GET, HEAD")
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		w.Header().Set("ETag", `"1"`)
		http.ServeFile(w, r, os.Args[2])
	})
	log.Fatal(http.ListenAndServe(os.Args[1], files))
}
