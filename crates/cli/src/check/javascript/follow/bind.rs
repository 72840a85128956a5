//! Where values go: into variables, parameters, properties and exports.

use oxc_ast::ast::{
    Argument, AssignmentExpression, AssignmentTarget, AssignmentTargetProperty, BindingPattern,
    BindingPatternKind, CallExpression, Expression, IdentifierReference, PropertyKey,
};
use oxc_span::{GetSpan as _, Span};

use super::evaluate::is_global;
use super::{Follow, key_name, plain};
use crate::check::javascript::value::{Value, Values};

impl<'a> Follow<'a, '_> {
    /// Into the variables of a pattern.
    pub(super) fn bind(
        &mut self,
        file: usize,
        pattern: &'a BindingPattern<'a>,
        values: &Values<'a>,
    ) {
        match &pattern.kind {
            BindingPatternKind::BindingIdentifier(id) => {
                self.variable(file, id.symbol_id.get(), values);
            }
            BindingPatternKind::AssignmentPattern(default) => {
                let values = values.clone().or(&self.value(file, &default.right));
                self.bind(file, &default.left, &values);
            }
            BindingPatternKind::ObjectPattern(object) => {
                for property in &object.properties {
                    let members = self.taken(file, &property.key, values, property.span);
                    self.bind(file, &property.value, &members);
                }
                if let Some(rest) = &object.rest {
                    self.bind(file, &rest.argument, values);
                }
            }
            BindingPatternKind::ArrayPattern(_) => {}
        }
    }

    /// What a property of a pattern takes out of a value.
    fn taken(
        &mut self,
        file: usize,
        key: &'a PropertyKey<'a>,
        values: &Values<'a>,
        span: Span,
    ) -> Values<'a> {
        let names = match key_name(key) {
            Some(name) => Some(vec![name]),
            None => key
                .as_expression()
                .and_then(|key| self.value(file, key).texts()),
        };
        let Some(names) = names else {
            self.record_dynamic(file, values, span);
            return Values::unknown();
        };
        let mut taken = Values::default();
        for name in names {
            self.record_member(file, values, name, span);
            taken.add(&self.members(values, name));
        }
        taken
    }

    pub(super) fn assignment(&mut self, file: usize, assignment: &'a AssignmentExpression<'a>) {
        let values = self.value(file, &assignment.right);
        if !(assignment.operator.is_assign() || assignment.operator.is_logical()) {
            return;
        }
        let followed = self.assign(file, &assignment.left, &values);
        if !followed {
            self.record_lost(file, &assignment.right, "put where it is not followed");
        }
    }

    /// Into what is on the left of `=`; says whether it is followed there.
    fn assign(
        &mut self,
        file: usize,
        target: &'a AssignmentTarget<'a>,
        values: &Values<'a>,
    ) -> bool {
        match target {
            AssignmentTarget::AssignmentTargetIdentifier(name) => {
                let symbol = self.symbol(file, name);
                self.variable(file, symbol, values);
                symbol.is_some()
            }
            AssignmentTarget::StaticMemberExpression(member) => {
                self.field(file, &member.object, member.property.name.as_str(), values)
            }
            AssignmentTarget::PrivateFieldExpression(member) => {
                self.field(file, &member.object, member.field.name.as_str(), values)
            }
            AssignmentTarget::ComputedMemberExpression(member) => {
                match self.value(file, &member.expression).texts() {
                    Some(names) => names
                        .into_iter()
                        .all(|name| self.field(file, &member.object, name, values)),
                    None => false,
                }
            }
            AssignmentTarget::ObjectAssignmentTarget(object) => {
                for property in &object.properties {
                    match property {
                        AssignmentTargetProperty::AssignmentTargetPropertyIdentifier(one) => {
                            let name = one.binding.name.as_str();
                            self.record_member(file, values, name, one.span);
                            let members = self.members(values, name);
                            let symbol = self.symbol(file, &one.binding);
                            self.variable(file, symbol, &members);
                        }
                        AssignmentTargetProperty::AssignmentTargetPropertyProperty(one) => {
                            let members = self.taken(file, &one.name, values, one.name.span());
                            if let Some(target) = one.binding.as_assignment_target() {
                                self.assign(file, target, &members);
                            }
                        }
                    }
                }
                true
            }
            _ => false,
        }
    }

    /// Into `object.name`.
    fn field(
        &mut self,
        file: usize,
        object: &'a Expression<'a>,
        name: &'a str,
        values: &Values<'a>,
    ) -> bool {
        if is_global(self, file, object, "module") && name == "exports" {
            self.news |= self.modules[file].whole.add(values);
            return true;
        }
        let mut followed = false;
        for target in self.value(file, object).known {
            match target {
                Value::This(file) | Value::Class(file, _) => self.own(file, name, values),
                Value::Module(module) => self.export(module, name, values),
                Value::Object(file, object) => {
                    let field = self.fields.entry((file, object.span, name)).or_default();
                    self.news |= field.add(values);
                }
                _ => continue,
            }
            followed = true;
        }
        followed
    }

    /// Into the parameters of a function of the sources.
    pub(super) fn hand_over(
        &mut self,
        file: usize,
        callee: &Values<'a>,
        arguments: &'a [Argument<'a>],
    ) {
        for value in &callee.known {
            let (Value::Function(function) | Value::Class(_, Some(function))) = *value else {
                continue;
            };
            for (parameter, argument) in function.parameters.items.iter().zip(arguments) {
                // After `...all` the places are not known.
                let Some(argument) = argument.as_expression() else {
                    break;
                };
                let values = self.value(file, argument);
                self.bind(function.file, &parameter.pattern, &values);
            }
        }
    }

    /// `promise.then(value => …)`.
    pub(super) fn hand_over_later(&mut self, file: usize, call: &'a CallExpression<'a>) {
        let Expression::StaticMemberExpression(member) = plain(&call.callee) else {
            return;
        };
        let Some(then) = call
            .arguments
            .first()
            .and_then(|first| first.as_expression())
        else {
            return;
        };
        if member.property.name != "then" {
            return;
        }
        let promised = self.value(file, &member.object);
        for value in self.value(file, then).known {
            if let Value::Function(function) = value
                && let Some(parameter) = function.parameters.items.first()
            {
                self.bind(function.file, &parameter.pattern, &promised);
            }
        }
    }

    /// `Object.defineProperty(exports, 'cloud', { get() { … } })`, as compilers export again what is
    /// imported.
    pub(super) fn define(&mut self, file: usize, call: &'a CallExpression<'a>) {
        let Expression::StaticMemberExpression(member) = plain(&call.callee) else {
            return;
        };
        let is_define = member.property.name == "defineProperty"
            && is_global(self, file, &member.object, "Object");
        let arguments: Vec<_> = call
            .arguments
            .iter()
            .filter_map(Argument::as_expression)
            .collect();
        let [object, name, how] = arguments[..] else {
            return;
        };
        if !is_define {
            return;
        }
        let how = self.value(file, how);
        let mut values = self.members(&how, "value");
        for getter in self.members(&how, "get").known {
            if let Value::Function(function) = getter {
                values.add(&self.returned(function));
            }
        }
        for name in self.value(file, name).texts().into_iter().flatten() {
            self.field(file, object, name, &values);
        }
    }

    fn symbol(
        &self,
        file: usize,
        name: &IdentifierReference<'a>,
    ) -> Option<oxc_semantic::SymbolId> {
        let scoping = self.files[file].scoping();
        scoping.get_reference(name.reference_id.get()?).symbol_id()
    }
}
