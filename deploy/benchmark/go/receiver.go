// A receiver on net/http and mattn/go-sqlite3, with one committed transaction a delivery. A peer of
// deploy/benchmark.sh; settings from PORT, DATABASE and REPLICATE_WEBHOOK_SECRET.
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	_ "github.com/mattn/go-sqlite3"
)

const schema = `
	CREATE TABLE IF NOT EXISTS deliveries (id TEXT PRIMARY KEY, job TEXT NOT NULL);
	CREATE TABLE IF NOT EXISTS jobs (id TEXT PRIMARY KEY, state TEXT NOT NULL, prediction TEXT NOT NULL)`

var states = map[string]string{
	"starting": "pending", "processing": "running", "succeeded": "succeeded", "failed": "failed", "canceled": "canceled",
}

type receiver struct {
	key              []byte
	database         *sql.DB
	addDelivery, put *sql.Stmt
}

func main() {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(os.Getenv("REPLICATE_WEBHOOK_SECRET"), "whsec_"))
	check(err)
	const options = "?_journal_mode=WAL&_synchronous=FULL&_txlock=immediate"
	database, err := sql.Open("sqlite3", "file:"+os.Getenv("DATABASE")+options)
	check(err)
	// SQLite has one writer; more connections would only wait for it.
	database.SetMaxOpenConns(1)
	_, err = database.Exec(schema)
	check(err)
	r := &receiver{key: key, database: database}
	r.addDelivery, err = database.Prepare("INSERT OR IGNORE INTO deliveries VALUES (?, ?)")
	check(err)
	r.put, err = database.Prepare(`INSERT INTO jobs VALUES (?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET state = excluded.state, prediction = excluded.prediction`)
	check(err)
	http.HandleFunc("/webhooks/replicate", r.receive)
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}

func (r *receiver) receive(answer http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(answer, request.Body, 8<<20))
	if err != nil {
		http.Error(answer, "no body", http.StatusBadRequest)
		return
	}
	id := request.Header.Get("webhook-id")
	if !r.isSigned(id, request.Header.Get("webhook-timestamp"), request.Header.Get("webhook-signature"), body) {
		http.Error(answer, "the signature does not fit", http.StatusUnauthorized)
		return
	}
	var prediction struct{ ID, Status string }
	if json.Unmarshal(body, &prediction) != nil || prediction.ID == "" || states[prediction.Status] == "" {
		http.Error(answer, "no prediction", http.StatusBadRequest)
		return
	}
	if err := r.store(id, prediction.ID, states[prediction.Status], body); err != nil {
		http.Error(answer, "not stored", http.StatusServiceUnavailable)
		return
	}
	answer.Header().Set("Content-Type", "application/json")
	fmt.Fprint(answer, `{"received":true}`)
}

func (r *receiver) isSigned(id, timestamp, signatures string, body []byte) bool {
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if age := time.Since(time.Unix(seconds, 0)); err != nil || age > 5*time.Minute || age < -5*time.Minute {
		return false
	}
	mac := hmac.New(sha256.New, r.key)
	fmt.Fprintf(mac, "%s.%s.", id, timestamp)
	mac.Write(body)
	expected := []byte("v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	for _, signature := range strings.Fields(signatures) {
		if hmac.Equal([]byte(signature), expected) {
			return true
		}
	}
	return false
}

func (r *receiver) store(id, job, state string, body []byte) error {
	transaction, err := r.database.Begin()
	if err != nil {
		return err
	}
	defer transaction.Rollback()
	added, err := transaction.Stmt(r.addDelivery).Exec(id, job)
	if err != nil {
		return err
	}
	if count, _ := added.RowsAffected(); count > 0 {
		if _, err := transaction.Stmt(r.put).Exec(job, state, body); err != nil {
			return err
		}
	}
	return transaction.Commit()
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
