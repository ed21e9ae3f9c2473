-- The roles of PostgreSQL for V-Factory, in the database that is connected to. A service works in tables that it does
-- not own: it can neither drop nor alter one. Give each role its password afterwards: \password vfactory_owner
CREATE ROLE vfactory_owner LOGIN;
CREATE ROLE "factory-core" LOGIN;
CREATE ROLE "incident-event" LOGIN;
CREATE ROLE "asset-management" LOGIN;

DO $$ BEGIN
    EXECUTE format('GRANT CONNECT, CREATE ON DATABASE %I TO vfactory_owner', current_database());
    EXECUTE format(
        'GRANT CONNECT, TEMPORARY ON DATABASE %I TO "factory-core", "incident-event", "asset-management"',
        current_database()
    );
END $$;

CREATE SCHEMA factory_core;
CREATE SCHEMA incident_event;
CREATE SCHEMA asset_management;
GRANT USAGE, CREATE ON SCHEMA factory_core, incident_event, asset_management TO vfactory_owner WITH GRANT OPTION;
GRANT USAGE ON SCHEMA factory_core TO "factory-core";
GRANT USAGE ON SCHEMA incident_event TO "incident-event";
GRANT USAGE ON SCHEMA asset_management TO "asset-management";

-- What the owner will make there.
ALTER DEFAULT PRIVILEGES FOR ROLE vfactory_owner IN SCHEMA factory_core
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO "factory-core";
ALTER DEFAULT PRIVILEGES FOR ROLE vfactory_owner IN SCHEMA incident_event
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO "incident-event";
ALTER DEFAULT PRIVILEGES FOR ROLE vfactory_owner IN SCHEMA asset_management
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO "asset-management";
ALTER DEFAULT PRIVILEGES FOR ROLE vfactory_owner IN SCHEMA factory_core
    GRANT USAGE, SELECT ON SEQUENCES TO "factory-core";
ALTER DEFAULT PRIVILEGES FOR ROLE vfactory_owner IN SCHEMA incident_event
    GRANT USAGE, SELECT ON SEQUENCES TO "incident-event";
ALTER DEFAULT PRIVILEGES FOR ROLE vfactory_owner IN SCHEMA asset_management
    GRANT USAGE, SELECT ON SEQUENCES TO "asset-management";
