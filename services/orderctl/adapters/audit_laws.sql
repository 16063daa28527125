-- The laws of the shop, each as some views over the auditor's books: NAME_breaches
-- has one text for each breach, NAME_figures one text that says what was counted.
-- audit_laws.c says of each law what it claims; audit_books.c, what the books hold.
--
-- They are written like double-entry books: what must be there counts +1, what is
-- there counts -1, and where the sum is not 0, something is missing or too much.
-- Of millions of entries, sorting takes most of the time. NAME_balance says first, in
-- one pass, whether there is such a sum at all (audit_balance.h); only when it is not
-- 0 are the entries grouped, and NAME_differences has a text for each such sum.
--
-- The numbers of the shop (109 in stock, a refill at 100) stand here once more on
-- purpose: an auditor does not take them from those that it audits.
--
-- Of the notification-service and the logging-service there may be several, each
-- with a database of its own: laws about what they did hold for all of them together
-- (notices, journal_rows, inboxes, ...), laws about a database for each instance.
--
-- Topics: 0 new orders, 1 inventory-empties, 2 log actions; 3 more: their dead letters.


-- What several laws look at ------------------------------------------------------

CREATE TEMP VIEW placed_records AS
SELECT r.*,
       t.name || '/' || r.partition || '/' || r.offset AS place,
       r.source IN (SELECT source FROM producers) AS is_ours
FROM records AS r
JOIN topics AS t ON t.topic = r.topic;

-- How far a service is: as far as its furthest instance.
CREATE TEMP VIEW reached AS
SELECT service, cluster_id, topic, partition, max(next_offset) AS next_offset
FROM positions GROUP BY service, cluster_id, topic, partition;

-- Records that a consumer is behind: its position is further.
CREATE TEMP VIEW read_records AS
SELECT p.service, r.*,
       EXISTS (SELECT 1 FROM inboxes AS i
               WHERE i.service = p.service
                 AND i.event_id = r.event_id AND i.source = r.source) AS is_in_inbox,
       EXISTS (SELECT 1 FROM rejections AS j
               WHERE j.service = p.service AND j.cluster_id = p.cluster_id
                 AND j.topic = p.topic AND j.partition = r.partition
                 AND j.offset = r.offset) AS is_refused
FROM audit AS a
JOIN reached AS p ON p.cluster_id = a.cluster_id
JOIN topics AS t ON t.name = p.topic
JOIN consumers AS c ON c.service = p.service AND c.topic = t.topic
JOIN placed_records AS r
  ON r.topic = t.topic AND r.partition = p.partition AND r.offset < p.next_offset;

-- How far an outbox goes, also when all of it was sent and pruned. MATERIALIZED: an
-- instance's condition inside last_rows would make SQLite read all of its outbox for
-- the last row.
CREATE TEMP VIEW sequences AS
WITH last AS MATERIALIZED (SELECT instance, seq FROM last_rows)
SELECT s.instance, ifnull(l.seq, s.ever_sent_upto) AS seq
FROM states AS s
JOIN last AS l ON l.instance = s.instance;

-- What was logged by our services, and what by other programs. Where the inbox has
-- forgotten an action's source, the name that it gives itself decides.
CREATE TEMP VIEW logged_actions AS
SELECT a.*,
       ifnull((SELECT max(i.source IN (SELECT source FROM producers))
               FROM journal_inboxes AS i WHERE i.event_id = a.event_id),
              a.service_name IN (SELECT service FROM producers)) AS is_ours
FROM journal_rows AS a;


-- integrity: each database is sound, as SQLite checks it -------------------------

CREATE TEMP VIEW integrity_breaches AS
SELECT i.file || ': ' || integrity_check
FROM instances AS i CROSS JOIN pragma_integrity_check(10, i.name)
WHERE integrity_check <> 'ok';

CREATE TEMP VIEW integrity_figures AS
SELECT format('all %d databases are sound', count(*)) FROM instances;


-- drained: nothing waits to be published or handled ------------------------------
-- Without topics, no cluster and no extents are known.

CREATE TEMP VIEW drained_breaches AS
SELECT format('%s: %,d events are not published yet', s.instance, q.seq - s.sent_upto)
FROM states AS s
JOIN sequences AS q ON q.instance = s.instance
WHERE q.seq > s.sent_upto
UNION ALL
SELECT format('%s: has published to Kafka cluster %s, but this is %s',
              s.instance, s.cluster_id, a.cluster_id)
FROM audit AS a, states AS s
JOIN sequences AS q ON q.instance = s.instance
WHERE a.cluster_id <> '' AND s.cluster_id <> a.cluster_id AND q.seq > 0
UNION ALL
SELECT format('%s: has not handled %,d records of %s', service, n, topic)
FROM (SELECT c.service AS service, t.name AS topic,
             sum(max(0, e.end - max(e.first, ifnull(p.next_offset, 0)))) AS n
      FROM audit AS a, consumers AS c
      JOIN topics AS t ON t.topic = c.topic
      JOIN extents AS e ON e.topic = c.topic
      LEFT JOIN reached AS p
        ON p.service = c.service AND p.cluster_id = a.cluster_id
       AND p.topic = t.name AND p.partition = e.partition
      GROUP BY c.service, t.name)
WHERE n > 0;

CREATE TEMP VIEW drained_figures AS
SELECT format('%,d events were published, %,d records handled',
              (SELECT sum(sent_upto) FROM states),
              ifnull((SELECT sum(next_offset) FROM reached), 0));


-- accepted: each order that a customer was told is accepted is stored ------------

CREATE TEMP VIEW accepted_breaches AS
SELECT format('order %s: a customer was told that it is accepted, and it is not stored',
              order_id)
FROM accepted AS a
WHERE NOT EXISTS (SELECT 1 FROM orders.orders AS o WHERE o.order_id = a.order_id);

CREATE TEMP VIEW accepted_figures AS
SELECT format('%,d orders that customers know of are all stored', count(*)) FROM accepted;


-- orders: each accepted order has its event, and each new-order event its order --

CREATE TEMP VIEW orders_breaches AS
SELECT format('order %s: its event %s is not in the outbox', order_id, event_id)
FROM orders.orders AS o
WHERE accepted_ms >= (SELECT keep_since_ms FROM audit)
  AND NOT EXISTS (SELECT 1 FROM outbox_rows AS b
                  WHERE b.event_id = o.event_id AND b.topic = 0)
UNION ALL
SELECT format('event %s: stands in the outbox (row %d), but no order has it', event_id, seq)
FROM outbox_rows AS b
WHERE topic = 0
  AND NOT EXISTS (SELECT 1 FROM events AS e
                  WHERE e.event_id = b.event_id AND e.source = b.source AND e.is_in_orders)
UNION ALL
SELECT format('order %s: its event %s says something else', o.order_id, o.event_id)
FROM orders.orders AS o
JOIN outbox_rows AS b ON b.event_id = o.event_id AND b.topic = 0
JOIN orders.outbox AS x ON x.seq = b.seq
WHERE CAST(x.payload AS TEXT) <> o.payload
UNION ALL
SELECT format('event %s: %d orders have it', event_id, count(*))
FROM orders.orders GROUP BY event_id HAVING count(*) > 1;

CREATE TEMP VIEW orders_figures AS
SELECT format('%,d accepted, each has its event', count(*)) FROM orders.orders;


-- customers: each order is in the list of its customer, and no other is in there --
-- The list of the last two runs of 8,192 orders is not in the database.

CREATE TEMP VIEW customers_breaches AS
SELECT format('order %s: is missing in the list of %s', order_id, customer_id)
FROM orders.orders AS o
WHERE seq <= ((SELECT max(seq) - 1 FROM orders.orders) / 8192 - 1) * 8192
  AND NOT EXISTS (SELECT 1 FROM orders.customer_orders AS c
                  WHERE c.customer_id = o.customer_id AND c.seq = o.seq)
UNION ALL
SELECT format('the list of %s: has order number %d, which is not theirs', c.customer_id, c.seq)
FROM orders.customer_orders AS c
LEFT JOIN orders.orders AS o ON o.seq = c.seq
WHERE o.customer_id IS NOT c.customer_id;

CREATE TEMP VIEW customers_figures AS
SELECT format('%,d orders of %,d customers, each in its list', count(*),
              count(DISTINCT customer_id))
FROM orders.orders;


-- outbox: the outboxes have no gap, no event twice, and no mark beyond their end -
-- Old rows are deleted from the front, so there is never a gap.

CREATE TEMP VIEW outbox_breaches AS
SELECT format('%s: of the rows %d to %d of the outbox, %,d are missing',
              instance, first, last, last - first + 1 - n)
FROM (SELECT s.instance AS instance, min(b.seq) AS first, s.seq AS last, count(*) AS n
      FROM sequences AS s
      JOIN outbox_rows AS b ON b.instance = s.instance
      GROUP BY s.instance)
WHERE last - first + 1 <> n
UNION ALL
SELECT format('%s: has marked event %d as published, but its last is %d',
              s.instance, s.sent_upto, q.seq)
FROM states AS s
JOIN sequences AS q ON q.instance = s.instance
WHERE s.sent_upto > q.seq
UNION ALL
SELECT format('%s: event %s (row %d) is for a topic that no TOPIC_ setting names',
              instance, event_id, seq)
FROM outbox_rows WHERE topic < 0
UNION ALL
SELECT format('event %s: stands %d times in the outbox', event_id, count(*))
FROM outbox_rows WHERE topic < 3 GROUP BY event_id, source HAVING count(*) > 1;

CREATE TEMP VIEW outbox_figures AS
SELECT format('%,d events and dead letters, without a gap', count(*)) FROM outbox_rows;


-- published: each event is in its topic, always with the same bytes --------------
-- Two services can have the same dead letter; then it is there twice.

CREATE TEMP VIEW published_breaches AS
SELECT format('%s: event %s (row %d) is not in %s', d.instance, d.event_id, d.seq, t.name)
FROM (SELECT topic, event_id, digest,
             count(*) AS n, min(instance) AS instance, min(seq) AS seq
      FROM outbox_rows GROUP BY event_id, topic, digest) AS d
JOIN topics AS t ON t.topic = d.topic
WHERE d.topic NOT IN (SELECT topic FROM incomplete WHERE is_trimmed)
  AND (SELECT count(*) FROM records AS r
       WHERE r.event_id = d.event_id AND r.topic = d.topic AND r.digest = d.digest) < d.n
UNION ALL
SELECT format('record %s: event %s has other bytes than row %d of the %s''s outbox',
              r.place, r.event_id, b.seq, b.instance)
FROM placed_records AS r
JOIN outbox_rows AS b
  ON b.event_id = r.event_id AND b.topic = r.topic AND b.source = r.source
WHERE r.topic < 3 AND b.digest <> r.digest;

CREATE TEMP VIEW published_figures AS
SELECT format('%,d events and dead letters were sent, %,d records of them are there',
              (SELECT count(*) FROM outbox_rows),
              (SELECT count(*) FROM placed_records WHERE is_ours OR topic >= 3));


-- origins: what a topic has of a service, that service has published -------------

CREATE TEMP VIEW origins_breaches AS
SELECT format('record %s: event %s says that it is of %s, which has no such event',
              r.place, r.event_id, r.source)
FROM placed_records AS r
WHERE r.topic < 3 AND r.is_ours
  AND (r.topic = 0 OR r.time_ms >= (SELECT keep_since_ms FROM audit))
  AND NOT EXISTS (SELECT 1 FROM outbox_rows AS b
                  WHERE b.event_id = r.event_id AND b.source = r.source
                    AND b.topic = r.topic)
  AND NOT EXISTS (SELECT 1 FROM events AS e
                  WHERE e.event_id = r.event_id AND e.source = r.source AND e.is_in_orders
                    AND r.time_ms < (SELECT keep_since_ms FROM audit))
UNION ALL
SELECT format('dead letter %s: no service has passed on record %s', r.place, r.event_id)
FROM placed_records AS r
WHERE r.topic >= 3 AND r.time_ms >= (SELECT keep_since_ms FROM audit)
  AND NOT EXISTS (SELECT 1 FROM outbox_rows AS b
                  WHERE b.event_id = r.event_id AND b.topic = r.topic
                    AND b.digest = r.digest);

CREATE TEMP VIEW origins_figures AS
SELECT format('%,d records of our services, %,d of other programs',
              (SELECT count(*) FROM placed_records WHERE is_ours OR topic >= 3),
              (SELECT count(*) FROM placed_records WHERE NOT is_ours AND topic < 3));


-- movements: each line of each order has one movement of its quantity ------------

CREATE TEMP VIEW movements_entries AS
SELECT event_id, line, product_id, -quantity AS delta, 1 AS n FROM lines
UNION ALL
SELECT event_id, line, product_id, delta, -1 FROM inventory.movements
WHERE kind <> 'refill' AND event_id NOT IN (SELECT event_id FROM unseen);

CREATE TEMP VIEW movements_balance AS
SELECT balance(n, event_id, line, product_id, delta) FROM movements_entries;

CREATE TEMP VIEW movements_differences AS
SELECT format('event %s, line %d (%s): %d movements of %d %s',
              event_id, line, product_id, abs(n), delta,
              CASE WHEN n > 0 THEN 'are missing' ELSE 'are not explained' END)
FROM (SELECT event_id, line, product_id, delta, sum(n) AS n
      FROM movements_entries GROUP BY event_id, line, product_id, delta)
WHERE n <> 0;

CREATE TEMP VIEW movements_figures AS
SELECT format('%,d lines of %,d orders, each has one movement',
              (SELECT count(*) FROM lines), (SELECT count(*) FROM events WHERE topic = 0));


-- ledger: the movements replayed give the stock, with a refill to 109 wherever 100
-- or fewer were left

CREATE TEMP VIEW ledger_breaches AS
WITH moves AS (
    SELECT seq, product_id, event_id, line, kind, delta, stock, order_id,
           lag(stock, 1, 109) OVER w AS before,
           lag(kind) OVER w AS last_kind,
           lag(event_id) OVER w AS last_event,
           lag(line) OVER w AS last_line,
           lead(kind) OVER w AS next_kind
    FROM inventory.movements
    WINDOW w AS (PARTITION BY product_id ORDER BY seq)),
faults AS (
    SELECT seq, product_id, order_id, CASE
           WHEN before + delta <> stock
           THEN format('%d and %+d are not %d', before, delta, stock)
           WHEN kind = 'sale' AND stock <= 100 AND next_kind IS NOT 'refill'
           THEN format('leaves %d, and no refill follows', stock)
           WHEN kind = 'refill' AND (last_kind IS NOT 'sale' OR before > 100)
           THEN format('is a refill with %d in stock', before)
           WHEN kind = 'refill' AND stock <> 109
           THEN format('is a refill to %d', stock)
           WHEN kind = 'refill' AND (event_id <> last_event OR line <> last_line)
           THEN 'is a refill for another event than the sale before it'
           WHEN kind NOT IN ('sale', 'refill')
           THEN format('is of an unknown kind, %s', kind)
           END AS fault
    FROM moves)
SELECT format('movement %d of %s (order %s): %s', seq, product_id, order_id, fault)
FROM faults WHERE fault IS NOT NULL
UNION ALL
SELECT format('product %s: its stock is %d, its movements make %s',
              product_id, stock, ifnull(replayed, 'none'))
FROM (SELECT product_id, stock,
             (SELECT m.stock FROM inventory.movements AS m
              WHERE m.product_id = s.product_id ORDER BY seq DESC LIMIT 1) AS replayed
      FROM inventory.stock AS s)
WHERE stock IS NOT replayed
UNION ALL
SELECT format('product %s: %d are in stock, not 101 to 109', product_id, stock)
FROM inventory.stock WHERE stock NOT BETWEEN 101 AND 109
UNION ALL
SELECT format('product %s: has movements and no stock', product_id)
FROM inventory.movements
WHERE product_id NOT IN (SELECT product_id FROM inventory.stock) GROUP BY product_id;

CREATE TEMP VIEW ledger_figures AS
SELECT format('%,d movements replayed give the stock of %,d products',
              (SELECT count(*) FROM inventory.movements),
              (SELECT count(*) FROM inventory.stock));


-- refills: each refill has one inventory-empty event, caused by its order's ------

CREATE TEMP VIEW refills_breaches AS
SELECT format('product %s, event %s: %d %s', product_id, cause, abs(n),
              CASE WHEN n > 0 THEN 'refills without an inventory-empty event'
                   ELSE 'inventory-empty events without a refill' END)
FROM (SELECT product_id, cause, sum(n) AS n, max(moved_ms) AS moved_ms
      FROM (SELECT product_id, event_id AS cause, moved_ms, 1 AS n
            FROM inventory.movements WHERE kind = 'refill'
            UNION ALL
            SELECT subject, causation, NULL, -1
            FROM events WHERE topic = 1 AND source = '/inventory-service')
      GROUP BY product_id, cause)
WHERE n < 0
   OR (n > 0 AND NOT (1 IN (SELECT topic FROM incomplete)
                      AND moved_ms < (SELECT keep_since_ms FROM audit)));

CREATE TEMP VIEW refills_figures AS
SELECT format('%,d refills, each has its inventory-empty event', count(*))
FROM inventory.movements WHERE kind = 'refill';


-- notifications: each order and each inventory-empty event has one ---------------

CREATE TEMP VIEW notifications_entries AS
SELECT event_id, CASE topic WHEN 0 THEN 'order' ELSE 'refill' END AS kind,
       subject AS about, detail AS customer_id, 1 AS n
FROM events WHERE topic IN (0, 1)
UNION ALL
SELECT event_id, kind, CASE kind WHEN 'refill' THEN product_id ELSE order_id END,
       customer_id, -1
FROM notices WHERE event_id NOT IN (SELECT event_id FROM unseen);

CREATE TEMP VIEW notifications_balance AS
SELECT balance(n, event_id, kind, about, customer_id) FROM notifications_entries;

CREATE TEMP VIEW notifications_differences AS
SELECT format('event %s (%s of %s): %d notifications %s', event_id, kind, about, abs(n),
              CASE WHEN n > 0 THEN 'are missing' ELSE 'are not explained' END)
FROM (SELECT event_id, kind, about, customer_id, sum(n) AS n
      FROM notifications_entries GROUP BY event_id, kind, about, customer_id)
WHERE n <> 0;

CREATE TEMP VIEW notifications_figures AS
SELECT format('%,d: %,d for orders, %,d for refills', count(*),
              count(*) FILTER (WHERE kind = 'order'),
              count(*) FILTER (WHERE kind = 'refill'))
FROM notices;


-- actions: the log actions are what orders, changed products, movements and
-- notifications imply ------------------------------------------------------------
-- An action is about what its event is about; a foreign one may say so in a header.

CREATE TEMP VIEW actions_entries AS
SELECT 'order-service' AS service, 'new-order' AS action, order_id AS about, 1 AS n
FROM orders.orders
UNION ALL
SELECT 'order-service', 'product-' || kind, product_id, 1 FROM orders.product_changes
UNION ALL
SELECT 'inventory-service',
       CASE kind WHEN 'refill' THEN 'inventory-empty' ELSE 'inventory-updated' END,
       ifnull((SELECT correlation FROM events AS e WHERE e.event_id = m.event_id),
              order_id), 1
FROM inventory.movements AS m
UNION ALL
SELECT 'notification-service', kind || '-notification-sent',
       ifnull((SELECT correlation FROM events AS e WHERE e.event_id = n.event_id),
              CASE order_id WHEN '' THEN product_id ELSE order_id END), 1
FROM notices AS n
UNION ALL
SELECT service_name, action, order_id, -1 FROM logged_actions WHERE is_ours;

CREATE TEMP VIEW actions_balance AS
SELECT balance(n, service, action, about) FROM actions_entries;

CREATE TEMP VIEW actions_differences AS
SELECT format('%s of %s: %d log actions of the %s %s', action, about, abs(n), service,
              CASE WHEN n > 0 THEN 'are missing' ELSE 'are not explained' END)
FROM (SELECT service, action, about, sum(n) AS n
      FROM actions_entries GROUP BY service, action, about)
WHERE n <> 0;

CREATE TEMP VIEW actions_figures AS
SELECT format('%,d: ', sum(n)) || group_concat(format('%s %,d', action, n), ', ')
FROM (SELECT CASE WHEN is_ours THEN action ELSE 'of other programs' END AS action,
             count(*) AS n
      FROM logged_actions GROUP BY 1 ORDER BY 1);


-- journal: each log action that was published is in the journal once -------------

CREATE TEMP VIEW journal_entries AS
SELECT event_id, 1 AS n
FROM (SELECT event_id, source FROM outbox_rows WHERE topic = 2 GROUP BY event_id, source)
UNION ALL
SELECT event_id, 1
FROM (SELECT DISTINCT event_id, source FROM records AS r
      WHERE topic = 2 AND is_good
        AND NOT EXISTS (SELECT 1 FROM outbox_rows AS b
                        WHERE b.event_id = r.event_id AND b.source = r.source AND b.topic = 2))
UNION ALL
SELECT event_id, -1 FROM journal_rows WHERE event_id NOT IN (SELECT event_id FROM unseen);

CREATE TEMP VIEW journal_balance AS
SELECT balance(n, event_id) FROM journal_entries;

CREATE TEMP VIEW journal_differences AS
SELECT format('action event %s: %d rows of the journal %s', event_id, abs(n),
              CASE WHEN n > 0 THEN 'are missing' ELSE 'are not explained' END)
FROM (SELECT event_id, sum(n) AS n FROM journal_entries GROUP BY event_id)
WHERE n <> 0;

CREATE TEMP VIEW journal_breaches AS
SELECT format('action event %s: is not in the journal as %s said it', event_id, service)
FROM (SELECT event_id, service, sum(n) AS n
      FROM (SELECT event_id, subject AS service, detail AS action, correlation AS about, 1 AS n
            FROM events WHERE topic = 2
            UNION ALL
            SELECT event_id, service_name, action, order_id, -1
            FROM logged_actions
            WHERE NOT is_ours AND event_id NOT IN (SELECT event_id FROM unseen))
      GROUP BY event_id, service, action, about)
WHERE n > 0;

CREATE TEMP VIEW journal_figures AS
SELECT format('%,d rows, one for each event', count(*)) FROM journal_rows;


-- effects: each event in an inbox had its effect, once, and no other had any -----
-- Among the instances of a service, one has handled it.
-- An order's first line stands for its effect on the stock. Without an inbox row are
-- only effects from before what the inbox remembers.

CREATE TEMP VIEW effects_entries AS
SELECT instance, event_id, received_ms AS at_ms, 1 AS n FROM inboxes
UNION ALL
SELECT 'inventory-service', event_id, moved_ms, -1
FROM inventory.movements WHERE kind = 'sale' AND line = 0
UNION ALL
SELECT instance, event_id, sent_ms, -1 FROM notices
UNION ALL
SELECT instance, event_id, logged_ms, -1 FROM journal_rows;

CREATE TEMP VIEW effects_balance AS
SELECT balance(n, instance, event_id) FROM effects_entries;

CREATE TEMP VIEW effects_differences AS
SELECT format('%s: event %s %s', instance, event_id,
              CASE WHEN n > 0 THEN 'is in the inbox, but had no effect'
                   ELSE format('had %d effects more than the inbox knows', -n) END)
FROM (SELECT instance, event_id, sum(n) AS n, max(at_ms) AS at_ms
      FROM effects_entries GROUP BY instance, event_id)
WHERE n <> 0 AND at_ms >= (SELECT remember_since_ms FROM audit);

CREATE TEMP VIEW effects_breaches AS
SELECT format('%s: event %s was handled by %d instances', service, event_id, count(*))
FROM inboxes
WHERE service IN (SELECT service FROM states WHERE instance <> service) -- has several
GROUP BY service, event_id, source HAVING count(*) > 1;

CREATE TEMP VIEW effects_figures AS
SELECT format('%,d events handled, each once', count(*)) FROM inboxes;


-- inbox: each record that was read is either in the inbox or refused -------------
-- A record that was refused may come again, at another place, as a good one.

CREATE TEMP VIEW inbox_breaches AS
SELECT format('%s: has read %s, but event %s is neither in its inbox nor refused',
              service, place, event_id)
FROM read_records
WHERE time_ms >= (SELECT remember_since_ms FROM audit)
  AND NOT (is_good AND is_in_inbox) AND NOT is_refused
UNION ALL
SELECT format('%s: event %s of %s is in its inbox and refused', service, event_id, place)
FROM read_records AS r
WHERE is_in_inbox AND is_refused
  AND NOT EXISTS (SELECT 1 FROM records AS o
                  WHERE o.event_id = r.event_id AND o.source = r.source
                    AND o.topic = r.topic AND o.is_good
                    AND (o.partition <> r.partition OR o.offset <> r.offset))
UNION ALL
SELECT format('%s: event %s is in its inbox, but in none of its topics', service, event_id)
FROM inboxes AS i
WHERE NOT EXISTS (SELECT 1 FROM incomplete AS g
                  JOIN consumers AS c ON c.topic = g.topic WHERE c.service = i.service)
  AND NOT EXISTS (SELECT 1 FROM records AS r
                  WHERE r.event_id = i.event_id AND r.source = i.source);

CREATE TEMP VIEW inbox_figures AS
SELECT format('%,d events handled and %,d records refused, of %,d in the topics',
              (SELECT count(*) FROM inboxes), (SELECT count(*) FROM rejections),
              (SELECT count(*) FROM records WHERE topic < 3));


-- letters: each refused record has one dead letter of each group that refused it -

CREATE TEMP VIEW letters_breaches AS
SELECT format('%s: record %s %s', service, place,
              CASE WHEN n > 0 THEN 'was refused without a dead letter'
                   ELSE format('has %d dead letters too many', -n) END)
FROM (SELECT service, place, sum(n) AS n, max(at_ms) AS at_ms
      FROM (SELECT service, topic || '/' || partition || '/' || offset AS place,
                   max(rejected_ms) AS at_ms, 1 AS n
            FROM rejections GROUP BY service, cluster_id, topic, partition, offset
            UNION ALL
            SELECT service, event_id, created_ms, -1 FROM outbox_rows WHERE topic >= 3)
      GROUP BY service, place)
WHERE n <> 0 AND at_ms >= (SELECT keep_since_ms FROM audit);

CREATE TEMP VIEW letters_figures AS
SELECT format('%,d refused, each has its dead letter', count(*)) FROM rejections;


-- What could not be seen: no breach, but to be known -----------------------------

CREATE TEMP VIEW unseen_notes AS
SELECT format('%s: %s; events that stood there are not looked for', t.name, g.why)
FROM incomplete AS g
JOIN topics AS t ON t.topic = g.topic
WHERE t.topic < 3 AND g.why <> 'it was not read'
UNION ALL
SELECT format('%,d events that had effects can no longer be seen', count(*))
FROM unseen HAVING count(*) > 0
UNION ALL
SELECT format('%,d orders are older than what outboxes keep', count(*))
FROM orders.orders AS o
WHERE accepted_ms < (SELECT keep_since_ms FROM audit)
  AND NOT EXISTS (SELECT 1 FROM outbox_rows AS b WHERE b.event_id = o.event_id)
HAVING count(*) > 0;
