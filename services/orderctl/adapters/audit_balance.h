/*
 * balance(n, key, ...): an aggregate function for the auditor's books. It says in one
 * pass, without sorting, whether entries of +n and -n balance for each key: 0 if they
 * do. To find those that do not, they must be grouped.
 *
 * It is the sum, modulo 2^64, of n times a digest of the keys: what balances gives 0
 * always, what does not gives 0 once in 2^64 (Clarke, Devadas and others, "Incremental
 * Multiset Hash Functions", ASIACRYPT 2003; theirs also resist whoever chooses the
 * keys, which a shop's services do not).
 */
#pragma once

#include "store/db.h"

#include <stddef.h>
#include <stdint.h>

#define AUDIT_DIGEST_EMPTY UINT64_C(0xcbf29ce484222325)

/* FNV-1a: a digest with more bytes behind those that it is of. */
uint64_t audit_digest(uint64_t digest, const void *data, size_t len);

/* Makes the function known to a connection. ERR_UNAVAILABLE: as db_prepare. */
enum status audit_balance_define(struct db *books, struct error *err);
