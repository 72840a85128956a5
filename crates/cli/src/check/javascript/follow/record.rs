//! In the last round: the Cloud Calls that are found, and what cannot be followed any further.

use oxc_ast::AstKind;
use oxc_ast::ast::{
    Argument, ArrayExpressionElement, Expression, ObjectExpression, ObjectPropertyKind,
    TSModuleReference,
};
use oxc_semantic::AstNode;
use oxc_span::Span;

use super::evaluate::{OF_FUNCTIONS, is_global, required};
use super::{Follow, is_sdk, modules, plain, span, spot};
use crate::check::javascript::value::{Value, Values};

/// How deep an object is searched for what leads to Cloud Calls.
const NESTED: usize = 3;

impl<'a> Follow<'a, '_> {
    pub(super) fn record(&mut self, file: usize, node: &AstNode<'a>) {
        match node.kind() {
            AstKind::StaticMemberExpression(member) => {
                let object = self.value(file, &member.object);
                self.record_member(file, &object, member.property.name.as_str(), member.span);
            }
            AstKind::ComputedMemberExpression(member) => {
                let object = self.value(file, &member.object);
                match self.value(file, &member.expression).texts() {
                    Some(names) => {
                        for name in names {
                            self.record_member(file, &object, name, member.span);
                        }
                    }
                    None => self.record_dynamic(file, &object, member.span),
                }
            }
            AstKind::CallExpression(call) => {
                if let Some(names) = required(self, file, call) {
                    self.record_required(file, &names, call.span);
                }
                let from = self.arguments_taken(file, &call.callee);
                self.record_arguments(file, call.arguments.get(from..));
            }
            AstKind::NewExpression(new) => {
                let from = self.arguments_taken(file, &new.callee);
                self.record_arguments(file, new.arguments.get(from..));
            }
            AstKind::ImportExpression(import) => {
                if let Some(names) = self.value(file, &import.source).texts() {
                    self.record_required(file, &names, import.span);
                }
            }
            AstKind::ImportDeclaration(import) if !import.import_kind.is_type() => {
                self.record_required(file, &[import.source.value.as_str()], import.span);
            }
            AstKind::ExportAllDeclaration(export) => {
                self.record_required(file, &[export.source.value.as_str()], export.span);
            }
            AstKind::ExportNamedDeclaration(export) => {
                if let Some(source) = &export.source {
                    self.record_required(file, &[source.value.as_str()], export.span);
                }
            }
            AstKind::TSImportEqualsDeclaration(import) => {
                if let TSModuleReference::ExternalModuleReference(module) = &import.module_reference
                {
                    let name = module.expression.value.as_str();
                    self.record_required(file, &[name], import.span);
                }
            }
            AstKind::ArrayExpression(array) => {
                for element in &array.elements {
                    let element = match element {
                        ArrayExpressionElement::SpreadElement(spread) => Some(&spread.argument),
                        element => element.as_expression(),
                    };
                    if let Some(element) = element {
                        self.record_lost(
                            file,
                            element,
                            "put into a list, where it is not followed",
                        );
                    }
                }
            }
            _ => {}
        }
    }

    /// What a file requires: the SDK, or code that is not there when it runs on the platform.
    fn record_required(&mut self, file: usize, names: &[&str], span: Span) {
        let Some(found) = &mut self.found else { return };
        for name in names {
            let spot = spot(file, span);
            if is_sdk(name) && found.sdk.as_ref().is_none_or(|first| spot < *first) {
                found.sdk = Some(spot);
            } else if modules::resolve(self.names, self.names[file], name).is_none()
                && let Some(why) = modules::lost(self.names[file], name, self.others)
            {
                found.unclear.push((spot, format!("{name} {why}")));
            }
        }
    }

    /// A member of something: a Cloud Call, if that is a category of them.
    pub(super) fn record_member(
        &mut self,
        file: usize,
        object: &Values<'a>,
        name: &'a str,
        span: Span,
    ) {
        let Some(found) = &mut self.found else { return };
        for value in &object.known {
            match value {
                Value::Category(category) if !OF_FUNCTIONS.contains(&name) => {
                    let api = format!("{category}.{name}");
                    found.calls.push((api, spot(file, span)));
                }
                Value::Sdk if name == "callOpenAPI" => {
                    let message = "what is called through callOpenAPI is not read".to_owned();
                    found.unclear.push((spot(file, span), message));
                }
                _ => {}
            }
        }
    }

    /// A member whose name is not known.
    pub(super) fn record_dynamic(&mut self, file: usize, object: &Values<'a>, span: Span) {
        let Some(found) = &mut self.found else { return };
        for value in &object.known {
            let message = match value {
                Value::OpenApi => "the name of the API is made at run time".to_owned(),
                Value::Category(category) => {
                    format!("which API of {category} is called is decided at run time")
                }
                _ => continue,
            };
            found.unclear.push((spot(file, span), message));
        }
    }

    /// How many arguments of a call are followed, or of no interest. What a function takes as
    /// `...rest` or as `arguments` is not followed.
    fn arguments_taken(&self, file: usize, callee: &'a Expression<'a>) -> usize {
        let values = self.value(file, callee);
        let taken = values.known.iter().filter_map(|value| match value {
            Value::Function(function) | Value::Class(_, Some(function)) => {
                Some(function.parameters.items.len())
            }
            Value::Class(_, None) | Value::OpenApi => Some(usize::MAX),
            _ => None,
        });
        let taken = taken.max().unwrap_or(0);
        let prints = match plain(callee) {
            Expression::StaticMemberExpression(member) => {
                is_global(self, file, &member.object, "console")
            }
            _ => false,
        };
        if prints || is_wrapper(callee) {
            return usize::MAX;
        }
        taken
    }

    fn record_arguments(&mut self, file: usize, arguments: Option<&'a [Argument<'a>]>) {
        for argument in arguments.unwrap_or_default() {
            let argument = match argument {
                Argument::SpreadElement(spread) => Some(&spread.argument),
                argument => argument.as_expression(),
            };
            if let Some(argument) = argument {
                self.record_lost(file, argument, "handed to a function that is not followed");
            }
        }
    }

    /// Something that leads to Cloud Calls, and is lost from sight.
    pub(super) fn record_lost(&mut self, file: usize, expression: &'a Expression<'a>, how: &str) {
        if self.found.is_none() {
            return;
        }
        let values = self.value(file, expression);
        let what = values.known.iter().find_map(|value| match value {
            Value::Object(file, object) => self.inside(*file, object, NESTED),
            value => value.leads_to_calls(),
        });
        if let (Some(what), Some(found)) = (what, &mut self.found) {
            let message = format!("{what} is {how}");
            found.unclear.push((spot(file, span(expression)), message));
        }
    }

    /// What leads to Cloud Calls inside of an object.
    fn inside(&self, file: usize, object: &'a ObjectExpression<'a>, left: usize) -> Option<String> {
        object.properties.iter().find_map(|property| {
            let value = match property {
                ObjectPropertyKind::ObjectProperty(property) => &property.value,
                ObjectPropertyKind::SpreadProperty(spread) => &spread.argument,
            };
            let values = self.value(file, value);
            values.known.iter().find_map(|value| match value {
                Value::Object(file, object) if left > 0 => self.inside(*file, object, left - 1),
                value => value.leads_to_calls(),
            })
        })
    }
}

/// Whether it is a function that compilers wrap around what is required, or that spreads exports.
pub(super) fn is_wrapper(callee: &Expression<'_>) -> bool {
    let name = match plain(callee) {
        Expression::Identifier(name) => name.name.as_str(),
        Expression::StaticMemberExpression(member) => member.property.name.as_str(),
        _ => return false,
    };
    name.starts_with("__import")
        || name.starts_with("_interop")
        || matches!(name, "__exportStar" | "__toESM")
}
