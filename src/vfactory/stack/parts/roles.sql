-- The roles of PostgreSQL for V-Factory on one machine, in the database that is connected to: each service owns its schema
-- and sees no other. A superuser runs it at each start, also on data from before there were roles. psql's own language.
-- (On Kubernetes a service does not even own its tables: deploy/kubernetes/roles.sql.)
\set ON_ERROR_STOP on
\getenv factory_core_password FACTORY_CORE_DATABASE_PASSWORD
\getenv incident_event_password INCIDENT_EVENT_DATABASE_PASSWORD
\getenv asset_management_password ASSET_MANAGEMENT_DATABASE_PASSWORD
\getenv postgres_exporter_password POSTGRES_EXPORTER_DATABASE_PASSWORD

SELECT format('CREATE ROLE %I', name)
FROM unnest(ARRAY['factory_core', 'incident_event', 'asset_management', 'postgres_exporter']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)
\gexec

ALTER ROLE factory_core LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
    PASSWORD :'factory_core_password';
ALTER ROLE incident_event LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
    PASSWORD :'incident_event_password';
ALTER ROLE asset_management LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
    PASSWORD :'asset_management_password';
ALTER ROLE postgres_exporter LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
    PASSWORD :'postgres_exporter_password';
SELECT 'GRANT pg_monitor TO postgres_exporter' WHERE NOT pg_has_role('postgres_exporter', 'pg_monitor', 'MEMBER')
\gexec

SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database())
UNION ALL
SELECT format('GRANT CONNECT ON DATABASE %I TO postgres_exporter', current_database())
UNION ALL
SELECT format(
    'GRANT CONNECT, TEMPORARY ON DATABASE %I TO factory_core, incident_event, asset_management', current_database()
)
\gexec
REVOKE ALL ON SCHEMA public FROM PUBLIC;

CREATE SCHEMA IF NOT EXISTS factory_core AUTHORIZATION factory_core;
CREATE SCHEMA IF NOT EXISTS incident_event AUTHORIZATION incident_event;
CREATE SCHEMA IF NOT EXISTS asset_management AUTHORIZATION asset_management;

-- What was made before by another role. A schema has the name of its role; a table's own sequences go with it.
WITH homes AS (
    SELECT pg_namespace.oid, nspname, nspowner, pg_roles.oid AS role
    FROM pg_namespace
    JOIN pg_roles ON rolname = nspname
    WHERE nspname IN ('factory_core', 'incident_event', 'asset_management')
)
SELECT format('ALTER SCHEMA %I OWNER TO %I', nspname, nspname) FROM homes WHERE nspowner <> role
UNION ALL
SELECT format('ALTER TABLE %I.%I OWNER TO %I', nspname, relname, nspname)
FROM homes
JOIN pg_class ON relnamespace = homes.oid
WHERE relowner <> role
    AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    AND NOT EXISTS (
        SELECT FROM pg_depend
        WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid
            AND refclassid = 'pg_class'::regclass AND deptype IN ('a', 'i') AND relkind = 'S'
    )
UNION ALL
SELECT format('ALTER ROUTINE %s OWNER TO %I', pg_proc.oid::regprocedure, nspname)
FROM homes
JOIN pg_proc ON pronamespace = homes.oid
WHERE proowner <> role
UNION ALL
SELECT format('ALTER TYPE %I.%I OWNER TO %I', nspname, typname, nspname)
FROM homes
JOIN pg_type ON typnamespace = homes.oid
WHERE typowner <> role AND typtype IN ('e', 'd', 'r')
\gexec
