-- What the demo protects: a small shop's orders, and the roles that people can be lent.

CREATE ROLE app_owner;
CREATE ROLE app_readonly;

CREATE TABLE customers (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    email text NOT NULL UNIQUE,
    since date NOT NULL
);
CREATE TABLE orders (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id int NOT NULL REFERENCES customers,
    placed_at timestamptz NOT NULL,
    status text NOT NULL CHECK (status IN ('new', 'paid', 'stuck', 'shipped')),
    total numeric(10, 2) NOT NULL
);
CREATE TABLE order_lines (
    order_id int NOT NULL REFERENCES orders,
    line int NOT NULL,
    article text NOT NULL,
    quantity int NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (order_id, line)
);

INSERT INTO customers (name, email, since)
SELECT 'Customer ' || n, 'customer' || n || '@example.com', date '2024-01-01' + n * 11
FROM generate_series(1, 40) AS n;

INSERT INTO orders (customer_id, placed_at, status, total)
SELECT
    1 + (n * 7) % 40,
    timestamptz '2026-01-01 08:00+00' + n * interval '5 hours 13 minutes',
    (ARRAY['shipped', 'paid', 'shipped', 'new', 'shipped'])[1 + n % 5],
    10 + (n * 37) % 240 + 0.95
FROM generate_series(1, 300) AS n;
UPDATE orders SET status = 'stuck' WHERE id IN (117, 242, 299);

INSERT INTO order_lines
SELECT o.id, l, (ARRAY['kettle', 'lamp', 'notebook', 'rug', 'teapot'])[1 + (o.id + l) % 5], 1 + l % 3
FROM orders AS o, generate_series(1, 1 + o.id % 3) AS l;

ALTER TABLE customers OWNER TO app_owner;
ALTER TABLE orders OWNER TO app_owner;
ALTER TABLE order_lines OWNER TO app_owner;
GRANT CREATE ON SCHEMA public TO app_owner;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO app_readonly;
