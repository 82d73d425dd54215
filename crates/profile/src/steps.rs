//! The steps of a run, in the order in which a page goes through them.

/// One step, as the crates that take it name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The span's name.
    pub name: &'static str,
    /// The step that this one is a part of, so that its time is not counted twice.
    pub within: Option<&'static str>,
    /// What it is, for people.
    pub about: &'static str,
}

const BASE: Step = Step {
    name: "",
    within: None,
    about: "",
};

/// The target of the spans that are steps.
pub const TARGET: &str = "step";

/// What a server says of its own inserts; no span of this process can.
pub const INSERT_SERVER: &str = "insert_server";

/// Every step.
pub const STEPS: &[Step] = &[
    Step {
        name: "pacer_wait",
        about: "until one more request may be sent",
        ..BASE
    },
    Step {
        name: "connect",
        within: Some("first_byte"),
        about: "a new connection to the source",
    },
    Step {
        name: "first_byte",
        about: "from the request to the head of its answer",
        ..BASE
    },
    Step {
        name: "room_wait",
        about: "until there is memory for the body",
        ..BASE
    },
    Step {
        name: "body",
        about: "the body of an answer",
        ..BASE
    },
    Step {
        name: "decode",
        about: "a body into fills",
        ..BASE
    },
    Step {
        name: "queue_wait",
        about: "until the sink takes more rows",
        ..BASE
    },
    Step {
        name: "transform",
        about: "a page's fills into the table's rows",
        ..BASE
    },
    Step {
        name: "sort",
        about: "a batch into the table's order",
        ..BASE
    },
    Step {
        name: "encode",
        within: Some("insert"),
        about: "a piece of a batch, up to 1 MiB, column by column",
    },
    Step {
        name: "insert",
        about: "a batch, until ClickHouse says that it is in the table",
        ..BASE
    },
    Step {
        name: INSERT_SERVER,
        within: Some("insert"),
        about: "the same as the server saw it",
    },
];

/// Returns the step of a name.
pub fn find(name: &str) -> Option<&'static Step> {
    STEPS.iter().find(|step| step.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_within_another_names_one_that_is_a_part_of_none() {
        for outer in STEPS.iter().filter_map(|step| step.within) {
            assert_eq!(find(outer).unwrap().within, None, "{outer}");
        }
    }
}
