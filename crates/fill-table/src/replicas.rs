//! Which servers hold the table, so that reads which decide what is inserted see all of it.
//!
//! A replica that lags does not show rows that another one has acknowledged, and a server does not show
//! the inserts that another one executes. Whoever believes either inserts rows twice.

use std::collections::BTreeSet;

use crate::retry::reading;
use crate::{Error, FillTable};

/// Connections on which a server is asked for its name: a balancer that takes turns shows itself.
const PROBES: usize = 4;

/// How the servers behind a connection hold the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Copies {
    /// One server holds it, and each request reaches that one.
    One,
    /// The replicas of this cluster hold it.
    Replicas { cluster: String, kind: Replication },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replication {
    /// Each replica fetches the others' parts; requests reach the same one.
    OneHost,
    /// The same, and requests reach any of them.
    ManyHosts,
    /// Replicas share the parts, and ask Keeper for them where a read is to be sequentially consistent.
    Shared,
}

impl FillTable {
    /// Finds out which servers hold the table, once.
    ///
    /// # Errors
    /// [`Error::SeveralServers`] where rows could be inserted twice; any error of the connection.
    pub(crate) async fn copies(&self) -> Result<&Copies, Error> {
        self.copies
            .get_or_try_init(|| reading(|| self.find_copies()))
            .await
    }

    /// Returns where the queries of all servers that hold the table are.
    pub(crate) async fn processes(&self) -> Result<String, Error> {
        Ok(match self.copies().await? {
            Copies::One => "system.processes".to_owned(),
            Copies::Replicas { cluster, .. } => {
                let cluster = crate::names::literal(cluster);
                format!("clusterAllReplicas({cluster}, system.processes)")
            }
        })
    }

    /// Waits until a read sees every row that was acknowledged before, whichever server it reaches.
    ///
    /// # Errors
    /// [`Error::SeveralServers`]; [`Error::NoRights`] without `SYSTEM SYNC REPLICA`; any error of the
    /// connection.
    pub async fn synchronize(&self) -> Result<(), Error> {
        let Copies::Replicas { cluster, kind } = self.copies().await? else {
            return Ok(());
        };
        let data = self.names().data();
        let on_cluster = match kind {
            Replication::OneHost => String::new(),
            Replication::ManyHosts => format!("ON CLUSTER {} ", crate::names::quoted(cluster)),
            // Reads ask for it themselves.
            Replication::Shared => return Ok(()),
        };
        self.run(&format!(
            "-- synchronize\nSYSTEM SYNC REPLICA {on_cluster}{data} LIGHTWEIGHT"
        ))
        .await
    }

    async fn find_copies(&self) -> Result<Copies, Error> {
        if self.server().is_embedded() {
            return Ok(Copies::One);
        }
        let engine: Vec<String> = self
            .query(
                "-- engine\nSELECT engine FROM system.tables\n\
                 WHERE database = {database:String} AND name = {table:String}",
            )
            .param("database", self.names().database())
            .param("table", &self.names().data().name)
            .fetch_all()
            .await?;
        let engine = engine.first().map_or("", String::as_str);
        let servers = self.servers().await?;
        let is_one_host = servers.len() == 1 && !self.server().has_several_hosts();
        let kind = match (engine.starts_with("Shared"), is_one_host) {
            (true, _) => Replication::Shared,
            (_, true) => Replication::OneHost,
            (_, false) => Replication::ManyHosts,
        };
        let replicas = match engine {
            shared if shared.starts_with("Shared") => 1,
            replicated if replicated.starts_with("Replicated") => self.replicas().await?,
            _ if is_one_host => return Ok(Copies::One),
            _ => return Err(self.not_replicated(&servers)),
        };
        if kind == Replication::OneHost && replicas <= 1 {
            return Ok(Copies::One);
        }
        if kind == Replication::Shared && !self.reads_are_sequential().await? {
            return Err(several(
                "the table is shared by several servers: \
                 --clickhouse-setting select_sequential_consistency=1 lets reads see all of its rows"
                    .to_owned(),
            ));
        }
        match self.cluster(replicas).await? {
            Some(cluster) => Ok(Copies::Replicas { cluster, kind }),
            None => Err(several(format!(
                "the table has {replicas} replicas, and the server names no cluster of that many in \
                 which it is one: without it the inserts of the other replicas cannot be seen, and rows \
                 could be inserted twice; define the cluster in remote_servers"
            ))),
        }
    }

    /// Returns the servers that answer, by host and port.
    async fn servers(&self) -> Result<BTreeSet<String>, Error> {
        let client = self.server().client().clone();
        let client = client.with_header("Connection", "close");
        let mut servers = BTreeSet::new();
        for _ in 0..PROBES {
            let name = "-- servers\nSELECT concat(hostName(), ':', toString(tcpPort()))";
            servers.insert(client.query_raw(name).fetch_one::<String>().await?);
        }
        Ok(servers)
    }

    async fn replicas(&self) -> Result<u64, Error> {
        let replicas = self
            .query(
                "-- replicas\nSELECT toUInt64(total_replicas) FROM system.replicas\n\
                 WHERE database = {database:String} AND table = {table:String}",
            )
            .param("database", self.names().database())
            .param("table", &self.names().data().name)
            .fetch_one()
            .await?;
        Ok(replicas)
    }

    /// Returns the largest cluster that the server is in, if it has so many servers.
    async fn cluster(&self, servers: u64) -> Result<Option<String>, Error> {
        let clusters: Vec<String> = self
            .query(
                "-- cluster\nSELECT cluster FROM system.clusters GROUP BY cluster\n\
                 HAVING countIf(is_local) > 0 AND count() >= {servers:UInt64}\n\
                 ORDER BY count() DESC, cluster LIMIT 1",
            )
            .param("servers", servers)
            .fetch_all()
            .await?;
        Ok(clusters.into_iter().next())
    }

    async fn reads_are_sequential(&self) -> Result<bool, Error> {
        let setting = self
            .server()
            .settings(&["select_sequential_consistency"])
            .await?;
        Ok(setting.first().is_some_and(|setting| setting.value == "1"))
    }

    fn not_replicated(&self, servers: &BTreeSet<String>) -> Error {
        let seen: Vec<_> = servers.iter().map(String::as_str).collect();
        several(format!(
            "requests can reach several servers ({}), and {} is not a replicated table: each of them \
             would get a part of the rows, and some twice; name one server with --clickhouse-url",
            seen.join(", "),
            self.names().data(),
        ))
    }
}

fn several(message: String) -> Error {
    Error::SeveralServers { message }
}
