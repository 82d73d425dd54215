//! Looks up what filters name.

use super::filter::{Filter, Operand};
use super::operator::Operator;
use super::predicate::Predicate;
use super::schema::Entity;
use crate::data::{Blocks, Catalogue, Column};

impl Predicate {
    /// Prepares a filter of an entity.
    pub(crate) fn compile(
        filter: Filter,
        entity: Entity,
        catalogue: &Catalogue,
        blocks: &Blocks,
    ) -> Self {
        let each = |parts: Vec<Filter>| {
            parts
                .into_iter()
                .map(|part| Self::compile(part, entity, catalogue, blocks))
                .collect()
        };
        match filter {
            Filter::All(parts) => Self::All(each(parts)),
            Filter::Any(parts) => Self::Any(each(parts)),
            // Only events never change again once they are there.
            Filter::ChangedSince(block) if entity == Entity::OrderFilledEvent => Self::Second {
                operator: Operator::Greater,
                second: blocks.last_second(block.saturating_sub(1)),
            },
            Filter::ChangedSince(_) => Self::ALWAYS,
            Filter::Column {
                column,
                operator,
                operand,
            } => Self::compile_column(column, operator, operand, entity, catalogue),
        }
    }

    fn compile_column(
        column: usize,
        operator: Operator,
        operand: Operand,
        entity: Entity,
        catalogue: &Catalogue,
    ) -> Self {
        let events = entity == Entity::OrderFilledEvent;
        let side = match Column::ALL[column] {
            Column::MakerAssetId if events => Some(0),
            Column::TakerAssetId if events => Some(1),
            _ => None,
        };
        match (operator, operand) {
            (_, Operand::Null) => Self::Null {
                column,
                negated: operator == Operator::Not,
            },
            (Operator::Equal | Operator::In, operand @ (Operand::Text(_) | Operand::Texts(_)))
                if side.is_some() =>
            {
                Self::asset(side, operand, false, catalogue)
            }
            (Operator::Not | Operator::NotIn, operand @ (Operand::Text(_) | Operand::Texts(_)))
                if side.is_some() =>
            {
                Self::asset(side, operand, true, catalogue)
            }
            (operator, Operand::Text(text)) => Self::Text {
                column,
                operator,
                text,
            },
            (operator, Operand::Texts(mut texts)) => {
                texts.sort_unstable();
                texts.dedup();
                Self::TextIn {
                    column,
                    texts,
                    negated: operator == Operator::NotIn,
                }
            }
            (operator, Operand::Number(number)) => match number.to_i64() {
                Some(second) if events && column == Column::Timestamp as usize => {
                    Self::Second { operator, second }
                }
                _ => Self::Number {
                    column,
                    operator,
                    number,
                },
            },
            (operator, Operand::Numbers(numbers)) => Self::NumberIn {
                column,
                numbers,
                negated: operator == Operator::NotIn,
            },
        }
    }

    fn asset(side: Option<usize>, operand: Operand, negated: bool, catalogue: &Catalogue) -> Self {
        let ids = match operand {
            Operand::Text(id) => vec![id],
            Operand::Texts(ids) => ids,
            _ => Vec::new(),
        };
        let mut assets: Vec<u32> = ids
            .iter()
            .filter_map(|id| catalogue.asset(id.as_bytes()))
            .collect();
        assets.sort_unstable();
        assets.dedup();
        Self::Asset {
            side: side.unwrap_or(0),
            assets,
            negated,
        }
    }
}
