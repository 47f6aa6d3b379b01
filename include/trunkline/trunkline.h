/* trunkline: named database connections for every language of a program. The C ABI; this header is its specification.
 *
 * Rules that hold everywhere:
 *  - Handles are opaque. Every *_release takes NULL, may run on any thread, in any order, and never blocks; a child keeps
 *    its parent alive, so that releasing a registry before its results is fine. [any thread] behind a type means that all
 *    its functions may be called from several threads at once; [one thread at a time] means that the caller orders them.
 *  - A tl_status is 0 for success or a negative class (TL_E_…). Where the last parameter is a tl_error **, it may be NULL;
 *    it is written only on failure, and what it then holds is released with tl_error_release. There is no "last error".
 *  - Out parameters are written only on success, unless said otherwise.
 *  - Strings go in as pointer + length, UTF-8, and need no NUL; where a parameter has no length it ends with a NUL. They
 *    come out NUL-terminated and belong to the handle they were asked of, valid until that handle is released.
 *  - Every input is copied or consumed before a call returns. Structs that a caller fills begin with struct_size =
 *    sizeof(the struct); zero is the default of every field; a flag, field or tail that this version does not know and that
 *    is not zero is TL_E_MISUSE.
 *  - Durations are milliseconds where the name ends in _ms.
 *  - After a fork the child has the registries and pooled handles of its parent, which open sessions of their own there; the parent's
 *    sessions go on. Its pinned and transaction handles, what is left of its streamed results, and its queues are TL_E_CLOSED in the
 *    child, its operation ids unknown, and *_release of what it had does nothing but for batches and errors. Of Arrow streams that it
 *    exported what is left fails likewise, and their own release ends nothing of the parent's. docs/threading.md says more.
 *  - No function calls back into the caller, installs a signal handler or raises SIGPIPE.
 */
#ifndef TRUNKLINE_H
#define TRUNKLINE_H

#include <stddef.h>
#include <stdint.h>

#define TL_API __attribute__((visibility("default")))

#ifdef __cplusplus
extern "C" {
#endif

/* ---- versions; since 0.1, as everything below ---- */

#define TL_ABI_VERSION UINT32_C(0x00000001) /* major << 16 | minor, of this header; major 0: still being shaped */

TL_API uint32_t tl_abi_version(void);   /* of the library that is loaded */
TL_API const char *tl_version(void);    /* "0.1.0"; static */
TL_API int32_t tl_has_feature(const char *name); /* "driver.sqlite", "driver.postgresql", "driver.mariadb": 1, else 0 */

/* ---- types ---- */

typedef int32_t tl_status;  /* never a C enum */
typedef uint64_t tl_op;     /* names one operation of a registry; never reused; 0 is none */

typedef struct tl_registry tl_registry; /* [any thread] every name of one configuration, and those that were added */
typedef struct tl_conn tl_conn;         /* [any thread] a pooled, pinned or transaction handle. On a pinned or transaction handle verbs of
                                           queues run in the order in which they were submitted; a blocking one answers TL_E_BUSY
                                           while another runs or waits, one of a queue when it has waited for a streamed result for
                                           pool.acquire_timeout */
typedef struct tl_result tl_result;     /* [one thread at a time] result sets, each a sequence of batches */
typedef struct tl_batch tl_batch;       /* [any thread] immutable columns */
typedef struct tl_queue tl_queue;       /* [any thread] where answers of calls that do not wait arrive, and the reactor that makes them */
typedef struct tl_error tl_error;       /* [any thread] immutable */

TL_API void tl_registry_release(tl_registry *);
TL_API void tl_conn_release(tl_conn *);   /* pinned: the session goes home; open transaction: rolled back first */
TL_API void tl_result_release(tl_result *); /* a streamed answer not read to its end is cancelled, once a read of it that is under way on
                                              a queue has ended; on a pinned or transaction handle the next verb reads what is left
                                              and drops it, within that verb's time */
TL_API void tl_batch_release(tl_batch *);
TL_API void tl_error_release(tl_error *);

/* ---- errors ---- */

#define TL_OK 0
#define TL_E_MISUSE (-1)             /* the call itself is wrong: an argument, an order of calls */
#define TL_E_CONFIGURATION (-2)      /* the configuration is wrong; details say file, line, key, suggestion */
#define TL_E_NOT_FOUND (-3)          /* no such name, or no configuration file */
#define TL_E_CLOSED (-4)             /* the connection was closed, or its session is gone */
#define TL_E_BUSY (-5)               /* another verb runs on this handle; or waiting would be waiting for oneself */
#define TL_E_UNAVAILABLE (-6)        /* the server cannot be reached, or was lost on the way; or this build has no driver */
#define TL_E_AUTHENTICATION (-7)
#define TL_E_TLS (-8)
#define TL_E_ACQUIRE_TIMEOUT (-9)    /* no session came free in time; details tell who holds them */
#define TL_E_CONNECT_TIMEOUT (-10)
#define TL_E_STATEMENT_TIMEOUT (-11)
#define TL_E_CANCELLED (-12)
#define TL_E_READ_ONLY (-13)         /* a write where none is allowed */
#define TL_E_DEADLOCK (-14)
#define TL_E_SERIALIZATION (-15)
#define TL_E_LOCK_TIMEOUT (-16)      /* a lock of the database was not to be had in time */
#define TL_E_UNIQUE (-17)
#define TL_E_FOREIGN_KEY (-18)
#define TL_E_NOT_NULL (-19)
#define TL_E_CHECK (-20)
#define TL_E_CONSTRAINT (-21)        /* any other constraint */
#define TL_E_STATEMENT (-22)         /* the statement is wrong: syntax, unknown table, unknown column, … */
#define TL_E_DATA (-23)              /* a value does not fit: out of range, not a number, not representable, … */
#define TL_E_PERMISSION (-24)
#define TL_E_TOO_LARGE (-25)         /* more than result_bytes, or than a column can hold */
#define TL_E_UNSUPPORTED (-26)       /* this database or build cannot do it */
#define TL_E_RESOURCE (-27)          /* the server is out of disk, memory, …; I/O errors */
#define TL_E_NO_MEMORY (-28)         /* this process is */
#define TL_E_INTERNAL (-29)          /* a fault of the library */
#define TL_E_SHUTDOWN (-30)          /* the registry or process is going down */

/* What became of the statement. Only the first two are certain not to have had an effect; rolled back: it ran and was
 * undone, with everything else of its transaction. */
#define TL_NOT_SENT 0
#define TL_REFUSED 1
#define TL_ROLLED_BACK 2
#define TL_UNKNOWN 3

TL_API const char *tl_status_name(tl_status);                 /* "ok", "unique_violation", …; static; "unknown" for others */
TL_API tl_status tl_error_status(const tl_error *);
TL_API const char *tl_error_message(const tl_error *);        /* one line for a person; never holds a secret */
TL_API const char *tl_error_connection(const tl_error *);     /* "" : of none */
TL_API const char *tl_error_endpoint(const tl_error *);       /* "host:port/database", file, …; "" : none */
TL_API const char *tl_error_phase(const tl_error *);          /* configure acquire connect send receive decode reset, or "" */
TL_API const char *tl_error_sqlstate(const tl_error *);       /* "" where the server gave none */
TL_API int32_t tl_error_native(const tl_error *);             /* the database's own code, 0: none */
TL_API int32_t tl_error_outcome(const tl_error *);            /* of NULL, as where there is no memory for more: TL_UNKNOWN */
/* The i-th detail: "constraint", "file", "line", "key", "suggestion", "holders", …; a key may repeat. TL_E_NOT_FOUND past the end. */
TL_API tl_status tl_error_detail(const tl_error *, size_t i, const char **key, const char **value);

/* ---- how to run a verb ---- */

#define TL_CALL_READ 0x1u   /* the caller says that the statement only reads */
#define TL_CALL_WRITE 0x2u  /* the caller says that it writes */
#define TL_CALL_STREAM 0x4u /* do not read the answer whole: the result holds its session until it is read or released */

typedef struct tl_call {
  uint32_t struct_size;
  uint32_t flags;        /* TL_CALL_…: of tl_query, and of no effect where its result is read; elsewhere TL_E_MISUSE */
  int64_t timeout_ms;    /* until the verb answers, all of it: waiting, dialling, running; 0: the connection's default, -1: none.
                            For a read from a streamed result 0 is what its statement had */
  tl_queue *queue;       /* NULL: answer here, blocking; else the call returns at once and its answer arrives there */
  uint64_t user_data;    /* comes back with the completion */
  tl_op op;              /* from tl_op_new, so that another thread can cancel; 0: none */
  uint32_t batch_rows;   /* of tl_query: a batch ends at either; 0: 65536 */
  uint32_t batch_bytes;  /* 0: 4 MiB. One row may exceed it; no column reaches 2^31 bytes */
  uint64_t owner;        /* who asks, to detect waiting for oneself; 0: the calling thread, on a queue nobody */
  int64_t max_lag_ms;    /* of tl_query, tl_explain, tl_pin and tl_begin: replicas further behind, or not known to be nearer, are not
                            read; 0: the connection's replicas.max_lag, -1: however far */
  const char *fallback;  /* of tl_query, tl_execute_many, tl_load and tl_explain on a pooled handle: the name, ending in a NUL, of the
                            connection that serves it while no server of its own can be reached or lent; NULL: as configured. Reads
                            only, unless `fallback_writes` is configured; never reads that have to find what the handle wrote. What
                            is written there does not count for tl_conn_token. Errors: TL_E_NOT_FOUND, there is no such name now
                            (nobody is asked for it); TL_E_MISUSE: its own name, "" */
  int32_t priority;      /* must be 0 */
  int32_t reserved;      /* must be 0 */
} tl_call;
/* Wherever a const tl_call * is taken, NULL means all defaults.
 *
 * With a queue, a call that returns TL_OK gives exactly one completion there, cancelled or not; any other status (TL_E_MISUSE,
 * TL_E_NO_MEMORY, TL_E_BUSY: the queue is full, TL_E_SHUTDOWN) gives none. Its out parameters may be NULL and are not written: the answer
 * comes with the completion. */

/* Reserves an id; 0 only when memory is short. Using it for two verbs is TL_E_MISUSE. A verb that uses it releases it; an id that no
 * verb will use, or whose verb answered TL_E_MISUSE, is released by the caller. */
TL_API tl_op tl_op_new(tl_registry *);
TL_API void tl_op_release(tl_registry *, tl_op);
/* [any thread] The verb that runs under the id answers TL_E_CANCELLED as soon as it can, and the server is told to stop; one that
 * has not begun answers so when it begins. Finished and unknown ids are harmless: TL_OK. The id of a streamed tl_query names the
 * statement until its last row is read. */
TL_API tl_status tl_cancel(tl_registry *, tl_op);

/* ---- queues ---- */

/* What a call has come to. 64 bytes on LP64, frozen. */
typedef struct tl_completion {
  uint64_t user_data; /* of the tl_call */
  tl_op op;           /* likewise; 0: none */
  tl_status status;   /* what the call would have returned */
  uint32_t kind;      /* TL_DONE_…: what value is. Release, unread, what kind you do not know */
  void *value;        /* NULL unless status is TL_OK */
  tl_error *error;    /* NULL where status is TL_OK, or there was no memory for it */
  uint64_t arg[3];    /* of tl_result_next_set, arg[0]: more; of tl_registry_remove: removed; of tl_registry_patch: changed */
} tl_completion;

#define TL_DONE 1u        /* nothing */
#define TL_DONE_RESULT 2u /* a tl_result */
#define TL_DONE_CONN 3u   /* a tl_conn */
#define TL_DONE_BATCH 4u  /* a tl_batch, of tl_result_next; NULL: the set has ended */
#define TL_EVENT 64u      /* a tl_batch, one row; of a tl_subscribe */
#define TL_QUESTION 65u   /* the same, to be answered: arg[2] is its number */

/* Releases value and error, which then are NULL; for one whose value was taken, set that to NULL before. */
TL_API void tl_completion_release(tl_completion *);

#define TL_QUEUE_THREAD 0x1u /* the queue has a thread of its own, for hosts that have no loop and no thread to wait in */

/* A queue runs its calls with no thread of its own: the call that submits takes the first steps, tl_queue_wait the rest. One that nobody
 * waits on for 20 ms is driven by a thread of the library, so that it holds up nobody else; its completions wait. At most 16384 calls
 * are under way or not taken yet. Errors: TL_E_RESOURCE, there is no descriptor or thread.
 * A streamed result of a pooled handle is given up where the completion of its tl_query, or of a read from it, lies untaken for half of
 * its pool's acquire_timeout (100 ms at least; 15 s where it is 0): its session goes back to the pool. The completion is still to be
 * taken and what has arrived to be read; what would follow is TL_E_CLOSED. A stream whose completions are taken may be read as slowly
 * as one likes, and on a pinned or transaction handle it keeps the handle's session in any case. */
TL_API tl_status tl_queue_new(tl_registry *, uint32_t flags, tl_queue **out, tl_error **err);
/* Calls under way go on, and their answers are released as they come. */
TL_API void tl_queue_release(tl_queue *);
/* Readable: call tl_queue_wait. Never read, write or close it. -1 of NULL, and of a parent's queue in a forked child. It may be watched by epoll, also edge-triggered, and by poll. */
TL_API int tl_queue_fd(const tl_queue *);
/* Moves the calls on and takes up to `max` completions, after waiting for the first one if need be: at most timeout_ms (0: not at all,
 * -1: without limit). *n, written unless that is TL_E_MISUSE, is how many; 0 after that time or a tl_queue_wake. Fewer than max: the descriptor signals, by an
 * edge too, whatever comes next; max: call again. Several threads may wait. TL_E_SHUTDOWN: it was shut down, and nothing is left. TL_E_CLOSED: it is a parent's. */
TL_API tl_status tl_queue_wait(tl_queue *, tl_completion *out, size_t max, int64_t timeout_ms, size_t *n);
TL_API void tl_queue_wake(tl_queue *);     /* one tl_queue_wait that waits, or else the next one, returns with nothing */
TL_API void tl_queue_shutdown(tl_queue *); /* new calls are TL_E_SHUTDOWN; take what is left until tl_queue_wait says TL_E_SHUTDOWN */

/* Events, each a bit. */
#define TL_EVENT_CONNECT 0x1u       /* a session was opened */
#define TL_EVENT_DISCONNECT 0x2u    /* a session leaves its pool, to be closed */
#define TL_EVENT_CHECKOUT 0x4u      /* a session is lent */
#define TL_EVENT_CHECKIN 0x8u       /* a session comes home */
#define TL_EVENT_DIAL_FAILED 0x10u  /* a session could not be opened */
#define TL_EVENT_TIMEOUT 0x20u      /* a caller's time was up, while it waited for a session or for its statement */
#define TL_EVENT_QUERY 0x40u        /* a statement has ended */
#define TL_EVENT_SLOW_QUERY 0x80u   /* the same, of one that took the connection's `slow_query` or longer */
#define TL_EVENT_STATE_CHANGE 0x100u /* a connection has another state; message: registered, open, migrating, closed, released */

#define TL_ASK_NAME 0x200u        /* a question, see tl_answer: which connection is this name? */
#define TL_ASK_CREDENTIALS 0x400u /* likewise: what do sessions of this connection log in with? */
#define TL_EVENT_ROLE_CHANGE 0x800u /* an endpoint has changed; message: primary (it takes the writes now), replica (no longer), set aside (it has
                                       failed, and others serve what it did), serves again */
#define TL_EVENT_RETRY 0x1000u /* a call that certainly did not run, because of how its servers stand, is tried once more; duration: of the pause
                                  before, message: why */
#define TL_EVENT_FALLBACK 0x2000u /* a call that no server of its connection serves is asked of another connection; message: which, and why */

/* Events of these kinds arrive on the call's queue until its op is cancelled or the queue is shut down; then one last completion says so:
 * TL_DONE, TL_E_CANCELLED or TL_E_SHUTDOWN. Each is a TL_EVENT with the call's user_data and op, arg[0] its bit and, as value, one row:
 * kind, at, connection, endpoint, session (a number that is never used again), backend, tag, duration, status, statement (never its
 * values), message; NULL where there is none. Those beyond 1024 that nobody has taken are dropped: arg[1] is how many before this one; of
 * questions none is, but verbs that would ask one beyond 16384 are TL_E_RESOURCE. Events of one session come in order. Costs nothing
 * where nobody listens. The call's timeout is of no effect. */
TL_API tl_status tl_subscribe(tl_registry *, uint32_t events, const tl_call *, tl_error **err);
/* Answers a question. There is one at a time of each kind about a connection (`connection` of the row): who needs the same meanwhile
 * waits for the same answer, until his own time is up or limits.ask_timeout; nothing runs in between, and nobody is called back. It stays
 * open until it is answered or limits.ask_timeout is over, also when nobody waits any more: the answer is there for whoever comes next.
 * TL_ASK_NAME: a verb needs the connection of a name that the registry does not have. As long as somebody is
 * subscribed to it tl_conn_get takes any name, and asks nothing: the first verb does. A blocking verb of the one thread that takes from
 * all queues where such questions arrive is TL_E_BUSY: it would wait for itself. The connection's call_timeout counts from the beginning
 * of the verb, once the settings are known.
 * status TL_OK: text is TOML as of tl_registry_add, the settings; the name is added with them. keep_ms > 0: forgotten when no session of
 * it was in use for about that long (its idle_close is the same), unless the file has the name since; the next verb asks again, also of
 * handles that exist, and in a forked child as in its parent. 0, or beyond 285 years: kept.
 * TL_ASK_CREDENTIALS: a session of a connection with `credentials = "ask"` is to be opened, for a verb or for pool.min, and none are known
 * that are valid. status TL_OK: text is TOML with `password` and, where it is not that of the connection, `user`; both are copied. keep_ms > 0: for
 * how long they are valid, after which the next session asks again. 0: until the server refuses them. Refused ones are asked for once
 * more at once. When they are others than before, sessions that were opened with the older ones go as soon as nobody uses them. Where
 * nobody is subscribed to it sessions cannot be opened: TL_E_AUTHENTICATION. A blocking verb that needs one is TL_E_BUSY on the one thread
 * that takes such questions.
 * Any other status is what the verbs answer, with the text, which may be empty and is shown, in its message; it is not remembered.
 * [any thread] Errors: TL_E_NOT_FOUND (it was answered, or limits.ask_timeout is over), TL_E_CONFIGURATION (the text; the verbs answer the same), TL_E_MISUSE. */
TL_API tl_status tl_answer(tl_registry *, uint64_t question, tl_status status, const char *text, size_t len, int64_t keep_ms,
                           tl_error **err);

/* ---- registry ---- */

/* path NULL or "": TRUNKLINE_CONFIG, else trunkline.toml upward from the working folder. environment NULL or "": TRUNKLINE_ENV,
 * else as docs/configuration.md says. Reads the file and opens no connection. Errors: TL_E_NOT_FOUND, TL_E_CONFIGURATION. */
TL_API tl_status tl_registry_open(const char *path, const char *environment, tl_registry **out, tl_error **err);
/* The same from text; `source` names it in errors (NULL: "<text>"); relative paths in it start at the working folder. */
TL_API tl_status tl_registry_parse(const char *toml, size_t len, const char *source, const char *environment, tl_registry **out,
                                   tl_error **err);
/* The registry that all code of the process shares: a program and the plug-ins that it loads, a program and the Python that it embeds.
 * The first call opens it as tl_registry_open does; every later one gives another handle on the same, with the same names, connections
 * and pools, and reads nothing. path NULL or "": whichever there is, and likewise environment; another one than it has is
 * TL_E_CONFIGURATION. It lives as long as the process: tl_registry_release only lets go of the handle, so that a plug-in that is
 * unloaded takes it from nobody (its tl_registry_close is everybody's). A forked child has the same, with sessions of its own.
 * Only one copy of the library can have it: another one, in a file of its own or linked in statically, answers TL_E_CONFIGURATION, with
 * the first one's file in the message and as detail "library". Other registries of several copies do not disturb each other. */
TL_API tl_status tl_registry_shared(const char *path, const char *environment, tl_registry **out, tl_error **err);
/* Makes this registry that one, for a configuration that is no file. Done already: TL_OK. Errors: TL_E_CONFIGURATION (there is another one,
 * of this copy or another). */
TL_API tl_status tl_registry_share(tl_registry *, tl_error **err);
TL_API int32_t tl_registry_has(tl_registry *, const char *name, size_t name_len); /* 1 or 0 */
/* Registers a connection as if the text stood under [connections.NAME] of the configuration, its own tables ([pool], [replicas], …)
 * beginning there: its defaults, environment, folder and budget hold, and variables as they were when it was read. Opens nothing, asks
 * no server and reads no file but that of a password. *added, which may be NULL: 1, or 0 where there is one with the same settings.
 * Errors: TL_E_CONFIGURATION, with the source add("NAME"); also where there is one with other settings, with a detail "key" for each
 * that differs; TL_E_MISUSE (an empty name). */
TL_API tl_status tl_registry_add(tl_registry *, const char *name, size_t name_len, const char *toml, size_t toml_len, int32_t *added,
                                 tl_error **err);
/* Closes the connection for good and forgets its name, at once; then waits as tl_registry_close does, and what that answers only says
 * how the waiting ended. Handles that exist answer TL_E_CLOSED for ever, also where a connection of that name is added again; those on a
 * name that was found on demand only where they knew the connection that was removed, else they look for it as ever. *removed,
 * which may be NULL (on a queue arg[0]): 1, or 0 where there is no such name. Without the default's name verbs that name none answer
 * TL_E_NOT_FOUND until it is added again. Errors: TL_E_MISUSE (no name), TL_E_BUSY, TL_E_CANCELLED. */
TL_API tl_status tl_registry_remove(tl_registry *, const char *name, size_t name_len, const tl_call *, int32_t *removed, tl_error **err);
/* Opens the connection now: one session of each endpoint, then `pool.min`. A closed one is reopened. name NULL: the default.
 * Errors: TL_E_NOT_FOUND, those of connecting. Blocks at most the call's timeout. */
TL_API tl_status tl_registry_connect(tl_registry *, const char *name, size_t name_len, const tl_call *, tl_error **err);
/* The same of all names, one after the other under one time limit. Goes on after a failure, and answers the first one. */
TL_API tl_status tl_registry_connect_all(tl_registry *, const tl_call *, tl_error **err);
/* Refuses new verbs (TL_E_CLOSED), closes idle sessions and breaks off those being opened; those in use are closed as they come home.
 * Waits for that until the call's timeout (0: pool.destroy_timeout; -1: without limit), then answers TL_E_BUSY; cancelled, TL_E_CANCELLED.
 * The connection is closed all the same, and closing it again waits again. name NULL: all, at once, under one time limit. */
TL_API tl_status tl_registry_close(tl_registry *, const char *name, size_t name_len, const tl_call *, tl_error **err);
/* A connection without sessions again: idle ones are closed, those in use as they come home, and the next verb opens others. Waits for
 * nothing. name NULL: all. Of a :memory: database, which has its data in its session, TL_E_CONFIGURATION (of all: it is left alone). */
TL_API tl_status tl_registry_trim(tl_registry *, const char *name, size_t name_len, tl_error **err);

#define TL_CHANGE_VERIFY 0x1u /* only where a session of each endpoint can be opened with the new settings: at most the call's timeout */

/* Lays TOML, as of tl_registry_add, over the settings of a connection, key by key and also over what the environment says. New verbs have
 * the new settings at once, on new sessions. What runs ends on its session, transactions and pins included, and who waits is served by
 * the old sessions as long as there are any; what is still being opened after half a second is broken off, and who waits for nothing else
 * begins anew with the new settings. Meanwhile the connection's state is "migrating". *changed, which may be NULL (on a queue
 * arg[0]): 1, or 0 where the settings were so already. Errors, after all of which nothing is changed: TL_E_NOT_FOUND,
 * TL_E_CONFIGURATION (also of a :memory: database that is open: its data would be lost), those of connecting. name NULL: the default. */
TL_API tl_status tl_registry_patch(tl_registry *, const char *name, size_t name_len, const char *toml, size_t toml_len, uint32_t flags,
                                   const tl_call *, int32_t *changed, tl_error **err);
/* Reads the file again, with the variables of now, and does what it says: adds names, patches them as tl_registry_patch does, releases
 * those that it no longer has as tl_registry_remove does, without waiting. All of it, or, with any error, nothing. Names that were added by
 * tl_registry_add stay as they are, unless the file has them now; what tl_registry_patch has made of the file's own is undone. The result
 * has a row for each name that is another now: name, change (added, patched, released), keys (the settings that differ, by name).
 * TL_CHANGE_VERIFY concerns connections that are open. The file is read and understood on the calling thread, also for a queue: some
 * 0.1 ms for each name. The process's environment is read, so no other thread may call setenv() meanwhile. A file without any connection
 * where there were some is TL_E_CONFIGURATION: it is being written. Errors: those of tl_registry_patch, TL_E_MISUSE (no file was read). */
TL_API tl_status tl_registry_reload(tl_registry *, uint32_t flags, const tl_call *, tl_result **out, tl_error **err);
/* What the library knows, as a result. what: "names", "connections" (name, driver, state, default, …), "endpoints", "pools" (figures),
 * "sessions", "leases" (who holds what since when), "metrics" (a row for each number that is counted, of connections that are open),
 * "prometheus" (the same as one text, in Prometheus' exposition format), "settings" (effective configuration, where each value comes from, without
 * secrets), "warnings" (keys that have no effect in this build, of all connections), and what servers are asked for, below. name NULL:
 * of all connections. Errors: TL_E_MISUSE, TL_E_NOT_FOUND. These ask nobody and never wait.
 *
 * The others ask servers, all at once and each until the call's timeout, or for 3 s where it names none: a server that is silent delays
 * nothing but its own row, as long as fewer than 64 servers are. Errors of them: TL_E_CANCELLED, TL_E_RESOURCE; a server's own are in its row.
 * "health": whether the endpoints of open connections answer, a row each. connection, role (primary, replica), endpoint, state (of the
 *   connection), status, health_check (of the configuration), latency (seconds that the answer took; NULL: none came), idle, leased,
 *   dialling, waiting, max, max_overflow (of its pool), reason (a word of tl_status_name, acquire_timeout or busy where all sessions are
 *   in use) and error (or what its last dial failed with), which holds no secret and no statement, NULL where all is well.
 *   status: healthy, it has answered; unhealthy; bypassed: a replica that is down, so that others serve its reads at once; unknown: it was not
 *   asked, because its connection is not open. A connection is unhealthy where one of its rows is; all is well where no row is unhealthy
 *   that has health_check. One that was closed is not opened, says so, and counts for nothing: it was closed on purpose.
 * "health_open": the same, after it has opened connections that nobody has used yet.
 * "budget": the sessions that are planned on each server, against what it allows (its max_connections less those that it reserves), and
 *   on each user and database that has a limit. server, scope (server, user, database), whose (the user or database), connections (the
 *   names that share it), configured (the sum of max + max_overflow of their pools), instances and workers (of the configuration's
 *   [budget]), planned (the product, of configured or [limits] max_open, whichever is less), limit, percent, verdict (ok; warning, past
 *   80 %; over; unknown) and error (why it is unknown).
 *   Asks through the pools of connections that are not closed, once for each login, and so opens those.
 * "check": what is weak in the configuration: passwords that may travel in clear, or stand in a file that all may read; and the rows of
 *   the budget that are not ok. */
TL_API tl_status tl_inspect(tl_registry *, const char *what, const char *name, size_t name_len, const tl_call *, tl_result **out,
                            tl_error **err);

/* ---- connections ---- */

#define TL_DUAL 0  /* reads to a replica where there is one, writes to the primary */
#define TL_READ 1  /* reads only; a write, or what cannot be known to be none, is TL_E_READ_ONLY. The text alone is looked at: a call of
                      a built-in function's name counts as harmless, also where the database has an overload that writes */
#define TL_WRITE 2 /* everything to the primary */

/* A pooled handle; opens nothing and never waits. name NULL: the default. Errors: TL_E_NOT_FOUND (with the nearest name), TL_E_MISUSE. */
TL_API tl_status tl_conn_get(tl_registry *, const char *name, size_t name_len, int32_t mode, tl_conn **out, tl_error **err);
/* A variant of a pooled handle with its own tag, shown wherever its leases are listed (NULL keeps the old), and mode (-1 keeps).
 * Its reads find what was written through the handle so far, if that keeps track of it, and what was written before the token
 * `after` was taken (empty: none), from whatever server: a replica serves them once it has applied it; one that has not in
 * `consistency_wait` leaves them to the primary. What the variant writes its parent's reads do not wait for. Cheap: one per request. A
 * token of another system, or of a place that the primary does not have, is TL_E_MISUSE when it is read after; text that is none is so
 * here. After a failover the primary that is then serves what was written before it; what was lost with the old one cannot always be
 * told. MariaDB's tokens do not show their system. */
TL_API tl_status tl_conn_derive(tl_conn *, const char *tag, size_t tag_len, const char *after, size_t after_len, int32_t mode,
                                tl_conn **out, tl_error **err);
/* A place behind all that was written through the handle, and that its reads find: text of letters, digits, dots, dashes and underscores,
 * for another handle's `after`, also in another process. Empty: nothing was written yet. Waits for nothing and asks nobody: the server tells
 * with each write, where `consistency` is "session" (TL_E_MISUSE where it is not). *len is its length; it is written to `out`, with a NUL,
 * where size is greater. Errors: TL_E_UNAVAILABLE, it is not known where the last write is (its answer was lost, or the server does not
 * tell); a read through the handle finds out. */
TL_API tl_status tl_conn_token(tl_conn *, char *out, size_t size, size_t *len, tl_error **err);
/* Where tl_query would send a statement now, and why, without running it. A row for each endpoint, first those that would be asked, in
 * their order: kind (read, write, unknown: as a write; control), reason (for that), choice (from 1; NULL: it would not be asked), connection,
 * endpoint, role (primary, replica), lag (seconds that it is behind at most, NULL: not known), why. Of the connection's fallback, which is
 * asked while none of those before it serves, there is no endpoint, nor role. Takes TL_CALL_READ and TL_CALL_WRITE. Errors:
 * those that the text itself would have. */
TL_API tl_status tl_explain(tl_conn *, const char *sql, size_t sql_len, const tl_call *, tl_result **out, tl_error **err);
/* One session for several verbs, from the write endpoint (mode TL_READ: from a read endpoint). Released: goes home. */
TL_API tl_status tl_pin(tl_conn *, const tl_call *, tl_conn **out, tl_error **err);

#define TL_BEGIN_READ_ONLY 0x1u
#define TL_BEGIN_READ_COMMITTED 0x10u
#define TL_BEGIN_REPEATABLE_READ 0x20u
#define TL_BEGIN_SERIALIZABLE 0x30u

/* A transaction on a session of its own (pooled handle), on the pinned session, or, of a transaction, a savepoint (flags 0); until it
 * ends, verbs on the parent pinned or transaction handle answer TL_E_BUSY. Ending an outer one ends the inner ones. */
TL_API tl_status tl_begin(tl_conn *, uint32_t flags, const tl_call *, tl_conn **out, tl_error **err);
/* End the transaction or savepoint; the handle then only takes tl_conn_release. A commit whose answer was lost has outcome
 * TL_UNKNOWN; one that the server turned into a rollback (the transaction had failed) is TL_E_STATEMENT, TL_ROLLED_BACK. */
TL_API tl_status tl_commit(tl_conn *, const tl_call *, tl_error **err);
TL_API tl_status tl_rollback(tl_conn *, const tl_call *, tl_error **err);

/* ---- values ---- */

/*                       a column's data (Arrow layout)               a parameter (tl_value) */
#define TL_NULL 0        /* only a tag of TL_ANY                       nothing */
#define TL_BOOL 1        /* bitmap, least significant bit first        i64: 0 or 1 */
#define TL_INT64 2       /* int64                                      i64 */
#define TL_UINT64 3      /* uint64                                     i64, the same bits */
#define TL_FLOAT64 4     /* double                                     f64 */
#define TL_DECIMAL 5     /* exact text: offsets + bytes                text at arena + offset */
#define TL_TEXT 6        /* UTF-8: offsets + bytes                     text */
#define TL_BYTES 7       /* offsets + bytes                            bytes */
#define TL_DATE 8        /* int32, days since 1970-01-01               i64, the same */
#define TL_TIME 9        /* int64, microseconds since midnight         i64 */
#define TL_TIMESTAMP 10  /* int64, microseconds since 1970, no zone    i64 */
#define TL_TIMESTAMPTZ 11 /* int64, microseconds since 1970 UTC        i64 */
#define TL_DURATION 12   /* int64, microseconds                        i64 */
#define TL_INTERVAL 13   /* int32 months, int32 days, int64 microseconds: 16 bytes; a parameter the same at arena + offset */
#define TL_UUID 14       /* 16 bytes                                   16 bytes at arena + offset */
#define TL_JSON 15       /* UTF-8: offsets + bytes                     text */
#define TL_LIST 16       /* offsets into children[0]                   `length` tl_values at arena + offset, 8-aligned, all of type `element` or TL_NULL */
#define TL_ANY 17        /* data: 8 bytes a value (int64; double; end in heap of text and bytes, whose begin is the end before it, 0
                            for the first), tags, heap; only in results */
#define TL_NAME 18       /* only a parameter: the name, as text, of the value after it */
/* A date, timestamp or duration that is infinite is the largest or smallest value of its integer. */

TL_API const char *tl_type_name(int32_t type); /* "int64", …; static */

typedef struct tl_value { /* 16 bytes, frozen */
  uint8_t type;
  uint8_t flags;    /* must be 0 */
  uint16_t element; /* TL_LIST: the type of its values; else 0 */
  uint32_t length;  /* text and bytes: how many at arena + v.offset; TL_LIST: how many values */
  union {
    int64_t i64;
    double f64;
    uint64_t offset;
  } v;
} tl_value;

/* ---- statements ---- */

/* Runs a statement. Placeholders: ? on every database, $1 on PostgreSQL, and :name in a call that names every value (TL_NAME, value,
 * TL_NAME, value, …), where "::" is always a cast (a slice is written a[:lo : :hi]); ?? is the operator ?. Mixing is TL_E_MISUSE. A
 * list is for "= ANY(?)". Several statements in one text give several result sets and take no parameters. BEGIN, COMMIT and the like
 * as text are TL_E_MISUSE on a pooled or transaction handle: use tl_begin.
 * Without TL_CALL_STREAM the answer has been read whole when this returns, and the session has gone home; more than the connection's
 * result_bytes is TL_E_TOO_LARGE. */
TL_API tl_status tl_query(tl_conn *, const char *sql, size_t sql_len, const tl_value *params, size_t n, const void *arena,
                          size_t arena_len, const tl_call *, tl_result **out, tl_error **err);

/* Runs a statement for each of `rows` rows of n values, row after row; where the values are named, in each row. Rows that it gives are
 * dropped. Always the statement itself, never rewritten into another: pipelined on PostgreSQL, by MariaDB's bulk
 * parameters, in a loop on SQLite and MySQL. All rows take effect, or none: they are one transaction on a pooled or pinned handle, a
 * savepoint in a transaction, but that PostgreSQL's transactions fail as a whole. (In a transaction begun as text on a pinned handle
 * PostgreSQL's rows are part of it; elsewhere that is TL_E_BUSY, as of tl_begin. What a database commits by itself, as MariaDB
 * does with definitions, stays.) The detail "row" of an error, from 1, says which row it was where the server tells: MariaDB does not.
 * The result has a row for each row of values, its only column "affected": how many rows it changed, NULL where that is not known.
 * On MariaDB it has none. tl_result_affected is the sum. A list cannot be among the values on MariaDB. At most 2^27 rows. */
TL_API tl_status tl_execute_many(tl_conn *, const char *sql, size_t sql_len, const tl_value *params, size_t n, size_t rows,
                                 const void *arena, size_t arena_len, const tl_call *, tl_result **out, tl_error **err);
/* Fills n columns of a table with rows of n values, row after row: by COPY on PostgreSQL, elsewhere as tl_execute_many does with an
 * INSERT. All rows, or none; likewise. Names are those that the database keeps, letter for letter: columns are TL_TEXT values; dots
 * separate the parts of the table's, and a part that has one stands in quotes (`"a.b"`, on MariaDB and MySQL in backticks). COPY takes
 * each value as a literal of its column's type. The result has no columns; tl_result_affected is how many rows there are more. */
TL_API tl_status tl_load(tl_conn *, const char *table, size_t table_len, const tl_value *columns, size_t n, const tl_value *values,
                         size_t rows, const void *arena, size_t arena_len, const tl_call *, tl_result **out, tl_error **err);

/* ---- results ---- */

typedef struct tl_column { /* borrowed from the batch or result that filled it */
  uint32_t struct_size;
  int32_t type;
  int64_t length, null_count;
  const uint8_t *validity;  /* bitmap, 1: there is a value; NULL: no nulls */
  const int32_t *offsets;   /* length + 1; TL_DECIMAL TEXT BYTES JSON LIST */
  const void *data;         /* never NULL where length > 0, except TL_LIST */
  uint64_t data_len;        /* bytes at data */
  const uint8_t *tags;      /* TL_ANY: the type of each value */
  const void *heap;         /* TL_ANY: the bytes of its text and blob values */
  uint64_t heap_len;
  int32_t uniform;          /* TL_ANY: the one type of all non-null values of this batch (TL_NULL: there are none), TL_ANY: they differ */
  uint32_t n_children;
  const struct tl_column *children; /* TL_LIST: the elements; children[0].struct_size is the stride */
  const char *name;
  const char *type_name;    /* the database's own name of the type */
  uint32_t type_id;         /* and its number, 0: none */
  int32_t precision, scale, nullable; /* -1: unknown */
  int32_t reserved;
} tl_column;

TL_API int64_t tl_result_affected(const tl_result *);     /* rows of the current set's statement; -1: unknown (a stream not yet read) */
TL_API int64_t tl_result_last_id(const tl_result *);      /* SQLite: the id the last INSERT made; 0: none */
TL_API const char *tl_result_endpoint(const tl_result *); /* who served it */
TL_API const char *tl_result_connection(const tl_result *); /* the name that is an endpoint of: the one asked, or its fallback */
/* What that was when it began with the statement. */
#define TL_NO_ROLE 0 /* nobody served it */
#define TL_PRIMARY 1 /* it took the writes */
#define TL_REPLICA 2 /* of a SQLite file: a session that only reads */
TL_API int32_t tl_result_role(const tl_result *);
TL_API int64_t tl_result_lag_ms(const tl_result *); /* how far it was behind the primary then, at most; -1: not known */
TL_API size_t tl_result_columns(const tl_result *);       /* of the current set; 0: it has no rows to give */
/* Names and types of the current set, before its first batch and also when it is empty. Fills n columns with length 0.
 * out[0].struct_size is the caller's sizeof(tl_column). Errors: TL_E_MISUSE when n is not tl_result_columns(). */
TL_API tl_status tl_result_schema(const tl_result *, tl_column *out, size_t n, tl_error **err);
/* The next batch of the current set; NULL: the set has ended. Blocks only on a streamed result; one that has failed goes on
 * answering with that error. On a queue, nothing is read before it is asked for; until the completion the result may only be released. */
TL_API tl_status tl_result_next(tl_result *, const tl_call *, tl_batch **out, tl_error **err);
/* Moves to the next result set, dropping what is left of this one. *more: 1 there is one, 0 there is none. */
TL_API tl_status tl_result_next_set(tl_result *, const tl_call *, int32_t *more, tl_error **err);
/* Fills n columns; out[0].struct_size is the caller's sizeof(tl_column) and the stride. The stride of children is the library's own:
 * children[0].struct_size. Errors: TL_E_MISUSE. */
TL_API tl_status tl_batch_columns(const tl_batch *, tl_column *out, size_t n, int64_t *rows);
/* Arrow's C stream of the current set's remaining batches (https://arrow.apache.org/docs/format/CStreamInterface.html): takes them from
 * the result, which may be released. A value that Arrow cannot hold exactly fails get_next, naming row and column. */
struct ArrowArrayStream;
TL_API tl_status tl_result_export_stream(tl_result *, struct ArrowArrayStream *out, tl_error **err);

#ifdef __cplusplus
}
#endif
#endif
